"""Widgets that end with their last reference: ipywidgets itself holds every one until it is closed."""

from __future__ import annotations

import json
import weakref
from typing import TYPE_CHECKING, Any

from ipywidgets import Widget  # type: ignore[import-untyped]
from ipywidgets.widgets import widget as ipywidgets_widget  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["contains", "hold_weakly", "is_contained", "put_on_screen", "take_off_screen"]

#: Widgets in outputs, which a person sees though no variable may name them; one for each thing to sign in
#: for.
_on_screen: dict[str, Widget] = {}


def _instances() -> dict[str, Any]:
    # ipywidgets 7 has it as an attribute of the class
    return getattr(ipywidgets_widget, "_instances", None) or Widget.widgets  # type: ignore[no-any-return]


def hold_weakly(widget: Widget) -> None:
    """Have ipywidgets and the widget's comm find it for as long as somebody else holds it.

    A page that was reloaded still gets its state from there, and its messages.
    """
    comm = widget.comm
    if comm is None:
        return
    handle: weakref.WeakMethod[Callable[[Any], Any]] = weakref.WeakMethod(widget._handle_msg)  # noqa: SLF001  # ipywidgets gives it to the comm

    def pass_on(message: Any) -> None:
        alive = handle()
        if alive is not None:
            alive(message)

    comm.on_msg(pass_on)
    registry = _instances()
    if widget.model_id in registry:
        registry[widget.model_id] = weakref.proxy(widget)


def put_on_screen(widget: Widget, what: Mapping[str, Any]) -> None:
    """Keep a widget that was put into an output, until it is closed, or another one for the same is made."""
    _on_screen[_key(what)] = widget


def take_off_screen(what: Mapping[str, Any], widget: Widget | None = None) -> None:
    """Let go of the widget for the same, or of this one only."""
    key = _key(what)
    if widget is None or _on_screen.get(key) is widget:
        _on_screen.pop(key, None)


def _key(what: Mapping[str, Any]) -> str:
    return json.dumps(what, sort_keys=True)


def is_contained(widget: Widget) -> bool:
    """Whether another widget has this one among its parts, as a box has its children."""
    return any(contains(other, widget) for other in list(_instances().values()))


def contains(other: Any, widget: Widget) -> bool:
    """Whether this widget is a value of the other's synced state, or in one."""
    try:
        values = [getattr(other, name) for name in other.keys if not name.startswith("_")]
    except ReferenceError:  # it has just gone
        return False
    return any(value is widget or _is_among(value, widget) for value in values)


def _is_among(value: object, widget: Widget) -> bool:
    if isinstance(value, list | tuple):
        return any(item is widget for item in value)
    return isinstance(value, dict) and any(item is widget for item in value.values())
