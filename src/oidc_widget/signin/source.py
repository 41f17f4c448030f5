"""Where a kernel's tokens come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from oidc_widget.errors import OIDCError
    from oidc_widget.signin.token_cache import Target

__all__ = ["Source"]


class Source(Protocol):
    """Can be asked for tokens: the browser's vault, or this process itself.

    It is made with ``(request, options, state, cache, pages)``: what the person wants to be signed in for,
    where its tokens go (``state.take_token``, ``state.take_status``, ``cache.answer``, from any thread), and
    who is to be told. No method waits, but for :meth:`expect`.
    """

    @property
    def busy(self) -> bool:
        """Whether somebody is signed in, or about to be, so that no other source may take over."""

    def sign_in(self) -> None:
        """Start a sign-in, or show how."""

    def sign_out(self) -> None:
        """End the session at the provider, as far as possible; none of its tokens comes after that."""

    def refresh(self) -> None:
        """Get a new token for the sign-in's own target; it goes to the state."""

    def request_token(self, question_id: str, target: Target, min_ttl: float | None) -> None:
        """Get a token for this target; the answer goes to ``cache.answer``.

        ``min_ttl``: one at hand will do if it has so many seconds left; ``None``: a new one. For
        :data:`~oidc_widget.signin.token_cache.OWN`, the state gets it as well, before the answer.
        """

    def expect(self, deadline: float | None) -> None:
        """Do what somebody needs who begins to wait for a sign-in.

        ``deadline``: a time of :func:`oidc_widget.oauth.clock.now`, by which it returns, after it made sure
        that a token can arrive, or asked the person; ``None``: it returns at once.

        Raises
        ------
        SignInError
            Nothing could ever arrive while this thread waits.
        """

    def obstacle(self, *, blocking: bool) -> OIDCError | None:
        """Say why nothing can arrive while this thread waits; ``None``: it can, or it isn't known yet."""
