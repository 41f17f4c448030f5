"""What came back of a request, be it nothing."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Answer"]

_OK, _TOO_MANY, _SERVER_ERRORS = 200, 429, 500  # RFC 9110 §15, RFC 6585 §4
#: Error codes for what is over sooner or later (RFC 6749 §4.1.2.1; token endpoints send them too).
_PASSING = frozenset({"server_error", "temporarily_unavailable"})


@dataclass(frozen=True)
class Answer:
    """One answer, whatever it is.

    Parameters
    ----------
    status : int
        The HTTP status; 0 if there was no answer.
    document : dict
        The object that came as JSON or as a form, or an empty one. Never part of ``repr``.
    failure : str, optional
        Why there was no answer.
    late : bool
        Whether it was not there in time.
    unreadable : bool
        Whether there was one that is not read: too long, or encoded.
    headers : mapping
        Its headers, by names in small letters.
    body : bytes
        What came. Never part of ``repr``.
    """

    status: int
    document: dict[str, Any] = field(default_factory=dict, repr=False)
    failure: str | None = None
    late: bool = False
    unreadable: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @classmethod
    def read(cls, status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer with the object that is in it."""
        return cls(status, _object(headers.get("content-type", ""), body), headers=headers, body=body)

    @property
    def media_type(self) -> str:
        """What the body is, without parameters (RFC 9110 §8.3.1)."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def error(self) -> str | None:
        """The error code (RFC 6749 §5.2)."""
        error = self.document.get("error")
        return error if isinstance(error, str) and self.status != _OK else None

    @property
    def description(self) -> str | None:
        """The provider's own words about the error."""
        said = self.document.get("error_description")
        return said if isinstance(said, str) else None

    @property
    def passing(self) -> bool:
        """Whether the same request may well succeed later: the network, or the provider, has a problem."""
        if self.status == _TOO_MANY or self.error in _PASSING:
            return True
        return self.error is None and (self.status == 0 or self.status >= _SERVER_ERRORS)

    @property
    def date(self) -> float | None:
        """When it was made, by the clock of who sent it (RFC 9110 §6.6.1), in seconds since the epoch."""
        try:
            return parsedate_to_datetime(self.headers["date"]).timestamp()
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def retry_after(self) -> float | None:
        """Seconds after which to ask again, if it says so (RFC 9110 §10.2.3); ``None`` where it doesn't."""
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return float(value[:9])
        try:
            # Both are the provider's own time, so nobody's clock has to agree with it.
            when, now = (parsedate_to_datetime(text) for text in (value, self.headers.get("date", "")))
            return max(0.0, (when - now).total_seconds())
        except (TypeError, ValueError):
            return None

    @property
    def wait_header(self) -> dict[str, str]:
        """The same as a header, for whoever passes the answer on."""
        wait = self.retry_after
        return {} if wait is None else {"Retry-After": str(math.ceil(wait))}


def _object(content_type: str, body: bytes) -> dict[str, Any]:
    try:
        if "x-www-form-urlencoded" in content_type:
            # GitHub, and others from before RFC 6749, unless asked otherwise.
            return dict(parse_qsl(body.decode("ascii"), max_num_fields=100))
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
