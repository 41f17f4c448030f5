"""What a sign-in gave, as values that keep their secrets out of sight."""

from __future__ import annotations

import math
import re

from oidc_widget.oauth import clock

__all__ = ["VSCHARS", "AccessToken"]

#: What an access token is made of (RFC 6749 appendix A.12): it goes into a header, which ends with its line.
VSCHARS = re.compile(r"[ -~]+")


# By hand: what `dataclass` compiles for a frozen one takes a tenth of the time that importing a widget does.
class AccessToken:
    """An access token and when it ends, on this process's own clock (:func:`oidc_widget.oauth.clock.now`).

    Lifetimes arrive as seconds left (RFC 6749 §5.1), never as a time of day: the clocks of browser,
    kernel and provider differ.

    Parameters
    ----------
    value : str
        The token itself. Never part of ``repr``.
    expires : float
        When it ends, in seconds of :func:`oidc_widget.oauth.clock.now`; ``inf`` where the provider does not
        say.
    lifetime: float
        Seconds that it has in all; ``inf`` where that isn't known.
    """

    __slots__ = ("expires", "lifetime", "value")

    def __init__(self, value: str, expires: float = math.inf, lifetime: float = math.inf) -> None:
        self.value = value
        self.expires = expires
        self.lifetime = lifetime

    def __repr__(self) -> str:
        return f"AccessToken(expires={self.expires}, lifetime={self.lifetime})"

    @classmethod
    def lasting(cls, value: str, expires_in: float | None, lifetime: float | None = None) -> AccessToken:
        """Return the token with so many seconds left (``None``: the provider does not say).

        ``lifetime``: what it had in all; just as much, unless said otherwise.
        """
        if expires_in is None:
            return cls(value)
        return cls(value, clock.now() + expires_in, expires_in if lifetime is None else lifetime)

    @property
    def expires_in(self) -> float:
        """Seconds left; never less than 0, ``inf`` where the provider does not say."""
        return max(0.0, self.expires - clock.now())

    def lives(self, min_ttl: float = 0) -> bool:
        """Whether more than ``min_ttl`` seconds are left."""
        return self.expires - clock.now() > min_ttl

    def serves(self, min_ttl: float) -> bool:
        """Whether it is fresh enough for somebody who needs ``min_ttl`` seconds.

        A provider whose tokens never live that long can't give more: then half of what they live is enough,
        or each call would ask for a new one.
        """
        left = self.expires - clock.now()
        return left > min_ttl or (self.lifetime <= min_ttl and left > self.lifetime / 2)
