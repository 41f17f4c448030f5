"""Which addresses codes, tokens and secrets may go to."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from oidc_widget.errors import ConfigurationError

__all__ = ["is_loopback", "is_secure", "require_secure_url"]


def is_loopback(host: str) -> bool:
    """Whether a host is this machine (RFC 6761 §6.3, RFC 8252 §7.3).

    Parameters
    ----------
    host : str
        The host of an address, without port and brackets.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_secure(address: object, *, loopback: bool = True) -> bool:
    """Whether codes, tokens and secrets may go to an address.

    Parameters
    ----------
    address : object
        The address: https; http on this machine only (RFC 8252 §8.3).
    loopback : bool
        Whether this machine is meant to be reached at all over plain http: a provider elsewhere has no
        business with its ports.
    """
    host = _host(address)
    if host is None or not isinstance(address, str):
        return False
    return urlsplit(address).scheme == "https" or (loopback and is_loopback(host))


def _host(address: object) -> str | None:
    """Return the host of a web address; ``None`` for anything that parsers read in different ways."""
    # Browsers take a backslash for a slash, and drop tabs and line ends; this parser doesn't.
    if not isinstance(address, str) or any(c.isspace() or not c.isprintable() or c == "\\" for c in address):
        return None
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port  # reading them may raise
    except ValueError:
        return None
    # A user's name in an address is mostly there to have it mistaken for the host.
    return host if parts.scheme in {"https", "http"} and host and "@" not in parts.netloc else None


def require_secure_url(url: object, *, what: str, allow_insecure_http: bool = False) -> str:
    """Check that an address may be trusted with what a provider says about itself.

    Parameters
    ----------
    url : object
        The address: https; http on loopback (RFC 8252 §7.3: it never leaves the machine).
    what : str
        What the address is, for the error.
    allow_insecure_http : bool
        Accept http to any host. Whoever is on the way can then forge tokens.

    Raises
    ------
    ConfigurationError
        If it is no absolute http(s) address, or is insecure.
    """
    if not isinstance(url, str):
        msg = f"{what} must be a web address, not {type(url).__name__}."
        raise ConfigurationError(msg, code="invalid_url")
    if _host(url) is None:
        raise ConfigurationError(
            f"{what} is no web address: {url!r}.",
            code="invalid_url",
            hint="Write it with https:// and the host's name, and without spaces, user or password.",
        )
    if allow_insecure_http or is_secure(url):
        return url
    raise ConfigurationError(
        f"{what} is not protected on its way: {url!r}.",
        code="insecure_url",
        hint="Use https. In a closed test network, allow_insecure_http=True accepts it all the same.",
    )
