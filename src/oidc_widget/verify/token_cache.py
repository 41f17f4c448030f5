"""Remember verified tokens, so that the same one needn't be verified at each request."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from oidc_widget.verify.keyring import KeyRing
    from oidc_widget.verify.signed import SignedToken

__all__ = ["KnownToken", "TokenCache", "fingerprint"]


class KnownToken(NamedTuple):
    """A token whose signature was right, by these keys."""

    token: SignedToken
    ring: KeyRing


def fingerprint(token: str | bytes) -> bytes:
    """Return what a token is remembered by: a memory dump must not yield tokens."""
    return hashlib.sha256(
        token.encode("utf-8", "surrogatepass") if isinstance(token, str) else token
    ).digest()


class TokenCache:
    """The tokens verified last. Thread-safe.

    It only spares reading and the signature: time, audience and scopes are looked at each time.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, KnownToken] = OrderedDict()

    def get(self, token: str | bytes) -> KnownToken | None:
        """Return what is known of a token.

        Returns
        -------
        KnownToken or None
            None if it has not been verified, or was forgotten.
        """
        if not isinstance(token, (str, bytes)):
            return None
        with self._lock:
            return self._known.get(fingerprint(token))

    def put(self, token: str | bytes, parsed: SignedToken, ring: KeyRing) -> None:
        """Remember a token."""
        with self._lock:
            self._known[fingerprint(token)] = KnownToken(parsed, ring)
            while len(self._known) > self._size:
                self._known.popitem(last=False)
