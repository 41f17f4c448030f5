"""What sends: a client of ``httpx2``. No other module imports the library, and this one when it is needed."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from oidc_widget.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from types import ModuleType

    import httpx2

__all__ = ["AsyncClient", "Client", "library_of", "open_async_client", "open_client"]


class Client(Protocol):
    """What sends: an ``httpx2.Client``, or one of ``httpx``."""

    @property
    def stream(self) -> Callable[..., AbstractContextManager[Any]]:
        """Send a request, and read its answer piece by piece."""

    def close(self) -> None:
        """Close its connections."""


class AsyncClient(Protocol):
    """The same for event loops."""

    @property
    def stream(self) -> Callable[..., AbstractAsyncContextManager[Any]]:
        """Send a request, and read its answer piece by piece."""


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """Load the certificates once; it takes longer than a request."""
    import httpx2  # noqa: PLC0415  # `import oidc_widget` loads no HTTP library

    try:
        return httpx2.create_ssl_context()
    except OSError as error:  # a file that is not there, or holds none; neither is named in it
        name = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), None)
        if name is None:
            raise
        raise ConfigurationError(
            f"The certificates that {name} names can't be read: {os.environ[name]} ({error.strerror}).",
            hint=f"Set {name} to what holds them in PEM, or unset it to trust what this machine trusts.",
        ) from error


#: A proxy could not reach this machine's loopback, and would read what was never to leave it. (httpx2 knows
#: networks since 2.15; before, a host alone.)
_NO_PROXY = dict.fromkeys(
    ("all://localhost", "all://*.localhost", "all://127.0.0.1", "all://127.0.0.0/8", "all://[::1]")
)


def open_client() -> httpx2.Client:
    """Return a client for this package's own requests; the caller closes it.

    It takes the environment's proxies, but for what is on this machine.
    """
    import httpx2  # noqa: PLC0415  # as above

    return httpx2.Client(verify=_trusted(), mounts=_NO_PROXY, follow_redirects=False)


def open_async_client(*, proxies: bool = True) -> httpx2.AsyncClient:
    """Return the same for event loops."""
    import httpx2  # noqa: PLC0415  # as above

    return httpx2.AsyncClient(verify=_trusted(), mounts=_NO_PROXY, follow_redirects=False, trust_env=proxies)


def library_of(client: object) -> ModuleType:
    """Return the module that a client is of, for its exceptions: httpx2, or httpx, which it goes back to."""
    bases = (cls for cls in type(client).__mro__ if cls.__name__ in {"Client", "AsyncClient"})
    return sys.modules[next(bases).__module__.partition(".")[0]]
