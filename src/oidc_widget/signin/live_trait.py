"""A trait whose value is always that of this moment."""

from __future__ import annotations

from typing import Any

import traitlets

__all__ = ["Live"]


class Live(traitlets.TraitType[Any, Any]):
    """A trait whose value is read from the widget's state at the moment of asking.

    So that a token is there the instant it arrives, whatever an observer of the one before is doing;
    observers are told separately, in order.
    """

    def get(self, obj: Any, cls: Any = None) -> Any:  # noqa: ARG002  # the signature is traitlets'
        """Return the value that the widget has now."""
        return getattr(obj._sign_in.state.now, self.name or "")  # noqa: SLF001  # the trait is the widget's own

    def set(self, obj: Any, value: Any) -> None:  # noqa: ARG002  # the signature is traitlets'
        """Refuse: the value comes from the sign-in."""
        raise traitlets.TraitError(f"The {self.name!r} trait is read-only.")
