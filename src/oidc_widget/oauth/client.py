"""What sends: this package's own connections, or a client of ``httpx2`` or ``httpx`` that somebody gave."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from oidc_widget.oauth.connections import Connections

__all__ = ["Client", "Failures", "failures_of", "open_client"]


class Client(Protocol):
    """What sends."""

    @property
    def stream(self) -> Callable[..., AbstractContextManager[Any]]:
        """Send a request, and read its answer piece by piece."""

    def close(self) -> None:
        """Close its connections."""


class Failures(NamedTuple):
    """What a client raises where there is no answer."""

    any: tuple[type[Exception], ...]
    late: tuple[type[Exception], ...]


def open_client(*, proxies: bool = True) -> Connections:
    """Return a client for this package's own requests; the caller closes it.

    Parameters
    ----------
    proxies : bool
        Whether to go through the environment's proxies, where the address isn't on this machine.
    """
    from oidc_widget.oauth.connections import Connections  # noqa: PLC0415  # `import oidc_widget` loads no HTTP library

    return Connections(proxies=proxies)


def failures_of(client: object) -> Failures:
    """Return what this client raises."""
    ours = sys.modules.get("oidc_widget.oauth.connections")
    if ours and isinstance(client, ours.Connections):
        return Failures(ours.FAILURES, ours.LATE)
    # What is made of httpx's class goes back to its module.
    bases = (cls for cls in type(client).__mro__ if cls.__name__ == "Client")
    library = sys.modules[next(bases).__module__.partition(".")[0]]
    return Failures((library.HTTPError, library.InvalidURL), (library.TimeoutException,))
