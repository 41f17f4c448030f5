"""Pages of a sentence or two, one of which may hold somebody else's text."""

from __future__ import annotations

import pytest

from oidc_widget.message_page import MessagePage, isolated


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("alice", "alice"),
        ("alice\u202e", "alice"),
        ("\u2067evil\u2069\u202egnp.exe", "evilgnp.exe"),
        ("דנה", "\u2068דנה\u2069"),
        ("דנה\u2069\u202e", "\u2068דנה\u2069"),
        ("", ""),
    ],
)
def test_a_name_turns_no_sentence_around(name, shown):
    assert isolated(name) == shown


def test_a_page_holds_text_and_no_elements():
    page = MessagePage(("You are <b>alice</b> & co", "a"))
    assert "&lt;b&gt;alice&lt;/b&gt; &amp; co" in page.html
    assert "script-src" not in page.content_security_policy
