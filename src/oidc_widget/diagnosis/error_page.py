"""What a provider's own error page says, in time that grows with its length and no faster, whatever is on it.

Whoever runs the provider writes the page, and while one regular expression is at work no other thread of the
kernel is; so none here looks at the same character again and again.
"""

from __future__ import annotations

import html
import re
from typing import Literal

__all__ = ["Reason", "reason_on", "words_on"]

Reason = Literal["redirect_uri", "client", "connector", "pushed_request"]

#: Error codes first: they are meant for machines.
_CODES: tuple[tuple[re.Pattern[str], Reason], ...] = (
    (re.compile(r"\b(?:invalid_redirect_uri|redirect_uri_mismatch|AADSTS50011)"), "redirect_uri"),
    (re.compile(r"\b(?:invalid_client|unknown_client|AADSTS700016)\b"), "client"),
)
_WORDS: tuple[tuple[re.Pattern[str], Reason], ...] = (
    (re.compile(r"pushed authorization request", re.IGNORECASE), "pushed_request"),
    (
        re.compile(
            r"redirect(?:ion)?[ _-]?ur[il]|redirect(?:ion)? address|callback[ _-]?ur[il]", re.IGNORECASE
        ),
        "redirect_uri",
    ),
    (re.compile(r"\bconnector\b", re.IGNORECASE), "connector"),
    (
        re.compile(
            r"(?:unknown|invalid|unregistered|no such) (?:oauth )?(?:client|application)"
            r"|(?:do|does) ?n.t (?:know|recogni[sz]e) (?:this|the|that|your) (?:client|application)"
            r"|client_id",
            re.IGNORECASE,
        ),
        "client",
    ),
)
_CLIENT = re.compile(r"client|application", re.IGNORECASE)
_REFUSED = re.compile(
    r"[\w .'\"-]{0,60}?(?:not found|unknown|invalid|not registered|does ?n.t exist)", re.IGNORECASE
)
_MOST_CLIENTS = 200  # of a page's places that name one, so many are looked at

#: Bounded, each of them: a number of a million digits is no character.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
#: Where a word is looked at from its middle, it was looked at from its start before.
_PARAMETER = re.compile(r"(?<!\w)\w+=[^\s\"'<>&]*")


def reason_on(status: int, page: str) -> Reason | None:
    """Tell what the provider has against the request, by its page."""
    if not 400 <= status < 500:  # noqa: PLR2004  # RFC 9110 §15.5: the request's own fault
        return None
    text = words_on(page)
    for pattern, reason in _CODES + _WORDS:
        if pattern.search(text):
            return reason
    places = zip(range(_MOST_CLIENTS), _CLIENT.finditer(text), strict=False)
    return "client" if any(_REFUSED.match(text, place.end()) for _, place in places) else None


def words_on(page: str) -> str:
    """Return what is to be read on a page: without tags, and without the request that it repeats."""
    start, *rest = page.split("<")
    text = " ".join([start, *(after for _, end, after in (part.partition(">") for part in rest) if end)])
    text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    return _PARAMETER.sub(" ", text)
