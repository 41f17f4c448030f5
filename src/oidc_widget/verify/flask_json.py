"""Let Flask write claims as JSON: ``jsonify(current_claims)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from werkzeug.local import LocalProxy

if TYPE_CHECKING:
    from flask.json.provider import JSONProvider

__all__ = ["encode_proxies"]

_TAUGHT: Final[WeakSet[JSONProvider]] = WeakSet()


def encode_proxies(provider: JSONProvider) -> None:
    """Have a provider encode mappings, and what the proxies of a request stand for.

    Parameters
    ----------
    provider : flask.json.provider.JSONProvider
        The application's. One that has no ``default`` function has its own way.
    """
    if provider in _TAUGHT:
        return
    _TAUGHT.add(provider)
    otherwise = getattr(provider, "default", None)
    if otherwise is None:
        return

    def default(value: Any) -> Any:
        if type(value) is LocalProxy:
            return value._get_current_object()  # noqa: SLF001  (werkzeug's name for it)
        return dict(value) if isinstance(value, Mapping) else otherwise(value)

    provider.default = default  # type: ignore[attr-defined]
