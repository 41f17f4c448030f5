"""What a provider says in its own words, fit to be shown to a person."""

from __future__ import annotations

__all__ = ["LONGEST_SAYING", "printable"]

#: Characters of a provider's own words that are shown.
LONGEST_SAYING = 300


def printable(text: str, longest: int = LONGEST_SAYING) -> str:
    """Return the text on one line and cut short, without what steers a terminal or turns words around.

    What providers may send is ASCII (RFC 6749 §5.2); what they do send ends up in terminals and tracebacks.
    """
    return "".join(character if character.isprintable() else " " for character in text[:longest])
