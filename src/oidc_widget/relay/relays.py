"""Several relays as one: a server's own, and its JupyterHub's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from .refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RelayLike", "Relays"]


class RelayLike(Protocol):
    """What :class:`~oidc_widget.relay.Relay` does, here or elsewhere."""

    async def listed(self) -> list[dict[str, Any]]:
        """List what browsers may know of the providers."""

    async def token(self, name: str, user: str, content_type: str, body: bytes) -> tuple[int, Any]:
        """Pass a token request on."""

    async def revoke(self, name: str, user: str, content_type: str, body: bytes) -> tuple[int, Any]:
        """Pass a revocation request on."""

    async def metadata(self, name: str, user: str) -> tuple[int, Any]:
        """Pass on what a provider publishes about itself."""


class Relays:
    """Relays one after the other; of two providers with one name the first counts."""

    def __init__(self, relays: Sequence[RelayLike]) -> None:
        self._relays = relays

    async def listed(self) -> list[dict[str, Any]]:
        """List what browsers may know of all providers."""
        found: dict[str, dict[str, Any]] = {}
        for relay in self._relays:
            for provider in await relay.listed():
                found.setdefault(provider["name"], provider)
        return list(found.values())

    async def token(self, name: str, user: str, content_type: str, body: bytes) -> tuple[int, Any]:
        """Pass a token request on to who has the provider."""
        return await (await self._having(name)).token(name, user, content_type, body)

    async def revoke(self, name: str, user: str, content_type: str, body: bytes) -> tuple[int, Any]:
        """Pass a revocation request on to who has the provider."""
        return await (await self._having(name)).revoke(name, user, content_type, body)

    async def metadata(self, name: str, user: str) -> tuple[int, Any]:
        """Ask who has the provider for what that one publishes about itself."""
        return await (await self._having(name)).metadata(name, user)

    async def _having(self, name: str) -> RelayLike:
        for relay in self._relays:
            if any(provider["name"] == name for provider in await relay.listed()):
                return relay
        raise Refusal.unknown_provider([provider["name"] for provider in await self.listed()])
