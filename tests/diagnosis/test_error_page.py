"""A provider writes its error page, so reading one takes time that grows with its length and no faster."""

from __future__ import annotations

import time

import pytest

from oidc_widget.diagnosis.error_page import reason_on, words_on

SIZE = 256 * 1024

#: Each made one regular expression or another look at the same characters again and again, or fail.
NASTY = {
    "one long word": "w",
    "words": "w ",
    "tags that never end": "<",
    "tags in tags": "<a",
    "entities": "&",
    "endless entities": "&a",
    "half parameters": "a=",
    "parameters": "a=b",
    "equal signs": "=",
    "clients": "client",
    "clients with words": "client is ",
    "many invalid": "invalid ",
    "redirects": "redirect",
    "spaces": " ",
    "redirections": "redirection ",
    "AADSTS": "AADSTS50011",
    "letters of another script": "\u05d0",
    "combining marks": "e\u0301",
    "nulls": "\0",
    "new lines": "\n",
}


@pytest.mark.parametrize("piece", NASTY.values(), ids=NASTY)
@pytest.mark.parametrize("end", ["", "=", ">", ";", "!"], ids=repr)
def test_any_page_is_read_in_a_moment(piece, end):
    page = (piece * (SIZE // len(piece) + 1))[: SIZE - 1] + end
    start = time.process_time()
    reason_on(400, page)
    assert time.process_time() - start < 1


@pytest.mark.parametrize("number", ["9" * 100_000, "x" + "F" * 100_000, "1114112", "x110000", "0", "55296"])
def test_a_number_that_is_no_character_is_no_error(number):
    assert reason_on(400, f"&#{number}; redirect_uri") == "redirect_uri"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<p>Un&shy;known &quot;client&quot;</p>", 'Un\xadknown "client"'),
        ("a <b c=d>e</b> f", "a e f"),
        ("at /auth?client_id=a&amp;redirect_uri=b ends", "at /auth? & ends"),
        ("<never", ""),
        ("1 &lt; 2 &unknown; 3", "1 < 2 &unknown; 3"),
    ],
)
def test_what_is_read_is_what_a_person_reads(page, words):
    assert " ".join(words_on(page).split()) == words


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("Invalid parameter: redirect_uri", "redirect_uri"),
        ("Connector ID does not match a valid Connector", "connector"),
        ("Pushed Authorization Request is only allowed.", "pushed_request"),
        ("The application you tried was not found", "client"),
        ("Client not found. " * 1000, "client"),
        ("Something else", None),
    ],
)
def test_a_reason_is_found_by_its_words(page, reason):
    assert reason_on(400, page) == reason
    assert reason_on(200, page) is None
    assert reason_on(500, page) is None
