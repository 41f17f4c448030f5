"""An answer that says no, in the form of an OAuth error response (RFC 6749 §5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

__all__ = ["Refusal"]


class Refusal(Exception):  # noqa: N818  # RFC 6749 §5.2 speaks of refusing; it is an answer, not a fault
    """An answer in the form of an OAuth error response (RFC 6749 §5.2).

    Parameters
    ----------
    status : int
        The HTTP status.
    code : str
        The stable identifier: the browser's (``frontend/oauth/errors.ts``) for what a sign-in fails for,
        that of RFC 6749 §5.2 for a wrong request, or one of this server's own.
    sentence : str
        What happened and what to do, free of secrets.
    headers : dict, optional
        Further headers of the answer.
    """

    def __init__(self, status: int, code: str, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.headers = headers or {}

    @property
    def body(self) -> dict[str, str]:
        """The JSON object that is sent."""
        return {"error": self.code, "error_description": self.sentence}

    @classmethod
    def unknown_provider(cls, known: Iterable[str]) -> Self:
        """Refuse a provider's name, and tell the right ones."""
        names = ", ".join(known) or "none"
        return cls(404, "unknown_provider", f"This server has no provider of that name; configured: {names}.")
