"""A value that nobody sees by accident: not in ``repr``, a pickle, or the locals that a traceback shows."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["Secret"]


class Secret:
    """A secret text, such as a refresh token.

    Parameters
    ----------
    value : str
        The text; :meth:`reveal` gives it back.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A sign-in's refresh token stays in the process that signed in: it can't be pickled or copied. "
            "Hand on w.access_token instead, or use oidc_widget.dask for workers."
        )
