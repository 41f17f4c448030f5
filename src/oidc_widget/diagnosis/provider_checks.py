"""What can be found out about a provider from this process, without signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oidc_widget.diagnosis.client_checks import DEVICE_GRANT, ClientChecks
from oidc_widget.diagnosis.clock import ProviderClock, clock_check
from oidc_widget.diagnosis.cors import MADE_UP, cors_checks
from oidc_widget.diagnosis.report import Check
from oidc_widget.errors import OIDCError
from oidc_widget.oauth.http import exchange, json_object
from oidc_widget.oauth.provider import WELL_KNOWN, Provider, discover, discovery_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oidc_widget.oauth.http import Client

__all__ = ["ProviderChecks"]

_TIMEOUT = 10.0  # seconds, for each request
#: What an ID token may be signed with; never with a secret that is shared (OpenID Connect Core §3.1.3.7).
_PUBLIC_KEY_ALGORITHMS = frozenset(
    {
        *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
    }
)


class ProviderChecks:
    """The checks of one provider, one after the other; each is made only if those before allow it.

    Parameters
    ----------
    client : Client
        The way to the network.
    request : mapping
        ``authority``, and as far as they are known ``client_id``, ``redirect_uri``, ``scopes``, ….
    label : str, optional
        The provider's name.
    """

    def __init__(self, client: Client, request: Mapping[str, Any], *, label: str | None = None) -> None:
        self._client = client
        self._request = request
        self._label = label
        self._clock = ProviderClock()
        #: What discovery found; ``None`` before it, and if it failed.
        self.provider: Provider | None = None
        #: The checks of the client, if there is one.
        self.of_client: ClientChecks | None = None
        #: The endpoints that gave no answer, by the names that CORS checks have.
        self.silent: set[str] = set()

    def run(self, *, origin: str | None = None) -> Iterator[Check]:
        """Make the checks.

        Parameters
        ----------
        origin : str, optional
            Ask as a page of this origin would, and look at the CORS headers. (Where a browser can be asked,
            leave this out: it knows better.)

        Yields
        ------
        Check
            One for each, as soon as it is made.
        """
        yield from self._discovery()
        if self.provider is None:
            self.silent |= {"discovery", "keys", "token endpoint", "revocation endpoint"}
            return
        yield from self._metadata(self.provider)
        yield self._keys(self.provider)
        if self._request.get("client_id"):
            yield from self._client_checks(self.provider)
        else:
            yield _without_browser(self.provider)
        if self._clock.skew is not None:
            yield clock_check("Clock", self._clock.skew, "this machine's clock")
        if origin is not None and not self._request.get("relay"):
            client_id = str(self._request.get("client_id") or MADE_UP)
            yield from cors_checks(self._client, self.provider, client_id, origin)

    def _discovery(self) -> Iterator[Check]:
        authority = str(self._request["authority"])
        try:
            provider = discover(self._client, authority, timeout=_TIMEOUT)
        except OIDCError as error:
            checked = "Issuer" if error.code == "issuer_mismatch" else "Discovery"
            advice = (
                error.hint or "Check the address, that the provider runs, and the way to it (VPN, proxy)."
            )
            yield Check(checked, error.message, "problem", advice)
            return
        self.provider = provider
        yield Check("Discovery", f"{discovery_address(provider.issuer)} answers")
        given = authority.strip().removesuffix(WELL_KNOWN)
        fine = "" if given == provider.issuer else f" (written {given}: that is fine)"
        yield Check("Issuer", f"{provider.issuer}{fine}")

    def _metadata(self, provider: Provider) -> Iterator[Check]:
        for name in ("authorization_endpoint", "token_endpoint"):
            yield from _missing(provider, name)
        yield from _kinds_of_request(provider)
        yield _pkce(provider)
        named = provider.metadata.get("authorization_response_iss_parameter_supported") is True
        yield Check(
            "Mix-up protection",
            "answers name their issuer (RFC 9207)"
            if named
            else "by a redirect address of its own, or the administrator's word",
        )
        yield _staying_signed_in(provider, self._request.get("scopes") or ())
        revocation = provider.offers("revocation_endpoint")
        yield Check(
            "Signing out",
            "ends the session at the provider too" if revocation else "no revocation endpoint is announced",
            "ok" if revocation else "note",
            None if revocation else "Signing out forgets the tokens here; at the provider they live on.",
        )

    def _keys(self, provider: Provider) -> Check:
        try:
            address = provider.endpoint("jwks_uri")
            with self._clock.watch() as take:
                answer = take(exchange(self._client, "GET", address, timeout=_TIMEOUT))
            if answer.failure is not None:
                self.silent.add("keys")
            keys = json_object(answer, address).get("keys")
        except OIDCError as error:
            return Check("Keys", error.message, "problem", "No ID token can be verified without them.")
        usable = [
            key
            for key in (keys if isinstance(keys, list) else [])
            if isinstance(key, dict) and key.get("kty") in {"RSA", "EC", "OKP"} and key.get("use") != "enc"
        ]
        if not usable:
            return Check("Keys", f"{address} has no key for signatures", "problem", "Ask the administrator.")
        supported = provider.metadata.get("id_token_signing_alg_values_supported")
        if supported and not _PUBLIC_KEY_ALGORITHMS & set(supported):
            advice = "Have the provider sign ID tokens with a key of its own, such as RS256."
            return Check("Keys", f"ID tokens are signed with {', '.join(supported)} only", "problem", advice)
        return Check("Keys", f"{len(usable)} for signatures" if len(usable) > 1 else "1 for signatures")

    def _client_checks(self, provider: Provider) -> Iterator[Check]:
        checks = self.of_client = ClientChecks(
            self._client, provider, self._request, self._clock, label=self._label
        )
        yield from checks.run()
        if checks.answered is False:
            self.silent.add("token endpoint")


def _missing(provider: Provider, name: str) -> Iterator[Check]:
    try:
        provider.endpoint(name)
    except OIDCError as error:
        yield Check(name, error.message, "problem", error.hint or "Ask the provider's administrator.")


def _kinds_of_request(provider: Provider) -> Iterator[Check]:
    """Tell of requests that the provider demands, and that a page can't make."""
    for member, kind in (
        ("require_pushed_authorization_requests", "pushed authorization requests (PAR, RFC 9126)"),
        ("require_signed_request_object", "signed authorization requests (RFC 9101)"),
    ):
        if provider.metadata.get(member):
            advice = "Have the provider's administrator allow usual requests: a page can't make these."
            yield Check("Sign-in request", f"the provider takes only {kind}", "problem", advice)
    types = provider.metadata.get("response_types_supported")
    if types and "code" not in types:
        advice = "Ask the provider's administrator for the authorization code flow."
        yield Check("Sign-in request", f"the response type code is not among {types}", "problem", advice)


def _pkce(provider: Provider) -> Check:
    methods = provider.metadata.get("code_challenge_methods_supported")
    if methods is None:
        advice = "Nothing to do, if sign-ins work: many providers support it without saying so."
        return Check("PKCE", "the provider does not say that it supports S256", "note", advice)
    if "S256" in methods:
        return Check("PKCE", "S256 is supported")
    advice = "Ask the provider's administrator for PKCE with S256 (RFC 7636)."
    return Check("PKCE", f"S256 is not among {methods}", "problem", advice)


def _staying_signed_in(provider: Provider, scopes: Any) -> Check:
    grants = provider.metadata.get("grant_types_supported")
    if grants is not None and "refresh_token" not in grants:
        advice = "Ask for refresh tokens for this client, or sign in again when the access token has expired."
        return Check("Staying signed in", "the provider announces no refresh tokens", "note", advice)
    offered = "offline_access" in (provider.metadata.get("scopes_supported") or ())
    if offered and "offline_access" not in scopes:
        # No advice: with most providers that announce the scope, it works without.
        return Check(
            "Staying signed in", "refresh tokens are announced; few providers want offline_access for them"
        )
    return Check("Staying signed in", "refresh tokens are announced" if grants else "nothing is said of it")


def _without_browser(provider: Provider) -> Check:
    if not provider.offers("device_authorization_endpoint"):
        return Check("Without a browser", "no device flow: the address one lands on is pasted back", "note")
    grants = provider.metadata.get("grant_types_supported")
    if grants is not None and DEVICE_GRANT not in grants:
        return Check("Without a browser", "a device flow, though not among grant_types_supported", "note")
    return Check("Without a browser", "device flow")
