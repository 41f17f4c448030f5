"""All providers that this server knows: its own, and those of its JupyterHub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from oidc_widget.relay import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Directory", "RelayLike"]


class RelayLike(Protocol):
    """What :class:`oidc_widget.relay.Relay` does, here or elsewhere."""

    async def listed(self) -> list[dict[str, Any]]:
        """List what browsers may know of the providers."""

    async def token(self, name: str, user: str, content_type: str, body: bytes) -> tuple[int, Any]:
        """Pass a token request on."""

    async def revoke(self, name: str, user: str, content_type: str, body: bytes) -> tuple[int, Any]:
        """Pass a revocation request on."""

    async def metadata(self, name: str, user: str) -> tuple[int, Any]:
        """Pass on what a provider publishes about itself."""


class Directory:
    """The providers of several relays; of two with one name the first counts.

    Parameters
    ----------
    relays : sequence of RelayLike
        The relays.
    """

    def __init__(self, relays: Sequence[RelayLike]) -> None:
        self._relays = relays

    async def providers(self) -> dict[str, dict[str, Any]]:
        """List what browsers may know of all providers, by name."""
        found: dict[str, dict[str, Any]] = {}
        for relay in self._relays:
            for provider in await relay.listed():
                found.setdefault(provider["name"], provider)
        return found

    async def relay_of(self, name: str) -> RelayLike:
        """Find who has a provider.

        Parameters
        ----------
        name : str
            The provider's name.

        Returns
        -------
        RelayLike
            Its relay.

        Raises
        ------
        Refusal
            Nobody has it; the sentence lists the right names.
        """
        for relay in self._relays:
            if any(provider["name"] == name for provider in await relay.listed()):
                return relay
        raise Refusal.unknown_provider(await self.providers())
