"""What can be found out about a provider from this process, without signing in."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.diagnosis.refusal_page import explain_refusal
from oidc_widget.diagnosis.report import Finding
from oidc_widget.errors import OIDCError
from oidc_widget.oauth.authorization_request import AuthorizationRequest
from oidc_widget.oauth.http import fetch_json
from oidc_widget.oauth.provider import Provider, discover, discovery_address
from oidc_widget.oauth.token_endpoint import TokenEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

__all__ = ["ProviderChecks", "clock_finding"]

_TIMEOUT = 10.0  # seconds, for each request
_NOTABLE_SKEW, _LARGEST_SKEW = 5.0, 900.0  # seconds; beyond the latter, ID tokens are refused
_OK = 200
#: What no provider has issued.
_MADE_UP = "made-up-by-oidc-widget-doctor"


class ProviderChecks:
    """The checks of one provider, one after the other; each is made only if those before allow it.

    Parameters
    ----------
    client : httpx.Client
        The way to the network.
    request : mapping
        ``authority``, and as far as they are known ``client_id``, ``redirect_uri``, ``scopes``, ….
    label : str, optional
        The provider's name.
    """

    def __init__(self, client: httpx.Client, request: Mapping[str, Any], *, label: str | None = None) -> None:
        self._client = client
        self._request = request
        self._label = label
        self._skew: float | None = None
        #: What discovery found; ``None`` before it, and if it failed.
        self.provider: Provider | None = None

    def run(self, *, origin: str | None = None) -> Iterator[Finding]:
        """Make the checks.

        Parameters
        ----------
        origin : str, optional
            Ask as a page of this origin would, and look at the CORS headers. (Where a browser can be asked,
            leave this out: it knows better.)

        Yields
        ------
        Finding
            One for each check, as soon as it is made.
        """
        yield from self._discovery()
        if self.provider is None:
            return
        yield from self._metadata(self.provider)
        yield self._keys(self.provider)
        if self._skew is not None:
            yield clock_finding("Clock", self._skew, "this machine's clock")
        if self._request.get("client_id"):
            yield self._client_at_token_endpoint(self.provider)
            if self._request.get("redirect_uri"):
                yield self._redirect_address()
                yield from self._opener_policy(self.provider)
        if origin is not None:
            yield from self._cors(self.provider, origin)

    def _discovery(self) -> Iterator[Finding]:
        self._client.event_hooks["response"] = [self._read_clock]
        try:
            provider = discover(self._client, str(self._request["authority"]), timeout=_TIMEOUT)
        except OIDCError as error:
            checked = "Issuer" if error.code == "issuer_mismatch" else "Discovery"
            yield Finding(
                checked, error.message, "problem", error.hint or "Check the address and the network."
            )
            return
        finally:
            self._client.event_hooks["response"] = []
        self.provider = provider
        yield Finding("Discovery", f"{discovery_address(provider.issuer)} answers")
        given = str(self._request["authority"]).strip().removesuffix("/.well-known/openid-configuration")
        exact = given == provider.issuer
        yield Finding(
            "Issuer", provider.issuer if exact else f"{provider.issuer} (written {given}: that is fine)"
        )

    def _read_clock(self, response: httpx.Response) -> None:
        try:
            there = parsedate_to_datetime(response.headers["date"]).timestamp()
        except (KeyError, ValueError, TypeError):
            return
        self._skew = there + 0.5 - time.time()  # the header has whole seconds

    def _metadata(self, provider: Provider) -> Iterator[Finding]:
        for name in ("authorization_endpoint", "token_endpoint"):
            yield from _missing(provider, name)
        methods = provider.metadata.get("code_challenge_methods_supported")
        if methods is None:
            advice = "Nothing to do, if sign-ins work: many providers support it without saying so."
            yield Finding("PKCE", "the provider does not say that it supports S256", "note", advice)
        elif isinstance(methods, list) and "S256" in methods:
            yield Finding("PKCE", "S256 is supported")
        else:
            advice = "Ask the provider's administrator for PKCE with S256 (RFC 7636)."
            yield Finding("PKCE", f"S256 is not among {methods}", "problem", advice)
        named = provider.metadata.get("authorization_response_iss_parameter_supported") is True
        yield Finding(
            "Mix-up protection", "answers name their issuer (RFC 9207)" if named else "by state alone"
        )
        yield from self._lifetimes(provider)
        revocation = provider.offers("revocation_endpoint")
        yield Finding(
            "Signing out",
            "ends the session at the provider too" if revocation else "no revocation endpoint is announced",
            "ok" if revocation else "note",
            None if revocation else "Signing out forgets the tokens here; at the provider they live on.",
        )
        device = provider.offers("device_authorization_endpoint")
        yield Finding(
            "Without a browser",
            "device flow" if device else "no device flow: the address one lands on is pasted back",
            "ok" if device else "note",
        )

    def _lifetimes(self, provider: Provider) -> Iterator[Finding]:
        grants = provider.metadata.get("grant_types_supported")
        scopes = provider.metadata.get("scopes_supported")
        if isinstance(grants, list) and "refresh_token" not in grants:
            advice = (
                "Ask for refresh tokens for this client, or sign in again when the access token has expired."
            )
            yield Finding("Staying signed in", "the provider announces no refresh tokens", "note", advice)
        elif (
            isinstance(scopes, list)
            and "offline_access" in scopes
            and "offline_access" not in (self._request.get("scopes") or ())
        ):
            advice = "If the sign-in ends too soon, add offline_access to scopes."
            yield Finding("Staying signed in", "some providers want offline_access for it", "note", advice)
        else:
            yield Finding(
                "Staying signed in", "refresh tokens are announced" if grants else "nothing is said of it"
            )

    def _keys(self, provider: Provider) -> Finding:
        try:
            address = provider.endpoint("jwks_uri")
            keys = fetch_json(self._client, address, timeout=_TIMEOUT).get("keys")
        except OIDCError as error:
            return Finding("Keys", error.message, "problem", "No ID token can be verified without them.")
        usable = [
            key
            for key in (keys if isinstance(keys, list) else [])
            if isinstance(key, dict) and key.get("kty") in {"RSA", "EC", "OKP"} and key.get("use") != "enc"
        ]
        if not usable:
            return Finding(
                "Keys", f"{address} has no key for signatures", "problem", "Ask the administrator."
            )
        return Finding("Keys", f"{len(usable)} for signatures" if len(usable) > 1 else "1 for signatures")

    def _client_at_token_endpoint(self, provider: Provider) -> Finding:
        """Ask with a code that nobody issued: a public client is told so, another one is sent away."""
        client_id = str(self._request["client_id"])
        form = {
            "grant_type": "authorization_code",
            "code": _MADE_UP,
            "code_verifier": _MADE_UP * 2,
            "redirect_uri": str(self._request.get("redirect_uri") or "http://localhost/"),
        }
        try:
            answer = TokenEndpoint(provider, client_id, self._client).post("token_endpoint", lambda: form)
        except OIDCError as error:
            return Finding("Token endpoint", error.message, "problem", error.hint)
        if answer.passing:
            why = answer.failure or f"status {answer.status}"
            return Finding("Token endpoint", f"no answer ({why})", "problem", "Try again in a while.")
        if answer.error in {"invalid_client", "unauthorized_client"}:
            advice = (
                "Check client_id; register it as a public client; or, if it must have a secret, let the "
                "Jupyter server's administrator configure the provider there."
            )
            return Finding("Client", f"“{client_id}” is refused ({answer.error})", "problem", advice)
        if answer.error is None:
            return Finding("Token endpoint", f"answers with status {answer.status}", "unknown")
        return Finding("Client", f"“{client_id}” needs no secret")

    def _redirect_address(self) -> Finding:
        redirect_uri = str(self._request["redirect_uri"])
        problem = explain_refusal(self._request, label=self._label)
        if problem is not None:
            return Finding("Redirect address", problem["message"], "problem", problem["hint"])
        return Finding("Redirect address", f"nothing is said against {redirect_uri}")

    def _opener_policy(self, provider: Provider) -> Iterator[Finding]:
        """Look for the header that cuts the window's line to its opener, which is not needed here."""
        try:
            asked = AuthorizationRequest.make(provider, self._request, str(self._request["redirect_uri"]))
            policy = self._sign_in_page(asked)
        except Exception:  # noqa: BLE001  # a matter of interest only
            return
        if policy is not None:
            yield Finding(
                "Sign-in page", f"is sent with Cross-Origin-Opener-Policy: {policy}, which is fine here"
            )

    def _sign_in_page(self, asked: AuthorizationRequest) -> str | None:
        address = asked.url
        for _ in range(5):
            response = self._client.get(address, timeout=_TIMEOUT, follow_redirects=False)
            policy: str | None = response.headers.get("cross-origin-opener-policy")
            if policy is not None or response.next_request is None:
                return policy
            address = str(response.next_request.url)
            if address.startswith(asked.redirect_uri):
                return None
        return None

    def _cors(self, provider: Provider, origin: str) -> Iterator[Finding]:
        """Ask as a page of ``origin`` would; the answer's headers tell what a browser lets it read."""
        for name, address, form in endpoints_to_ask(
            provider, str(self._request.get("client_id") or _MADE_UP)
        ):
            headers = {"Origin": origin}
            try:
                response = self._client.request(
                    "GET" if form is None else "POST", address, data=form, headers=headers, timeout=_TIMEOUT
                )
            except Exception as error:  # noqa: BLE001  # whatever it is, it is no answer
                yield Finding(f"CORS, {name}", f"no answer ({type(error).__name__})", "unknown")
                continue
            allowed = response.headers.get("access-control-allow-origin")
            yield cors_finding(name, origin, readable=allowed in {"*", origin})


def _missing(provider: Provider, name: str) -> Iterator[Finding]:
    try:
        provider.endpoint(name)
    except OIDCError as error:
        yield Finding(name, error.message, "problem", error.hint or "Ask the provider's administrator.")


def endpoints_to_ask(provider: Provider, client_id: str) -> Iterator[tuple[str, str, dict[str, str] | None]]:
    """Yield what a page must be able to read: its name, its address, and the form for it."""
    yield "discovery", discovery_address(provider.issuer), None
    for name, member, form in (
        ("keys", "jwks_uri", None),
        ("token endpoint", "token_endpoint", {"grant_type": "refresh_token", "refresh_token": _MADE_UP}),
        ("revocation endpoint", "revocation_endpoint", {"token": _MADE_UP}),
    ):
        address = provider.metadata.get(member)
        if isinstance(address, str):
            yield name, address, None if form is None else {"client_id": client_id, **form}


def cors_finding(name: str, origin: str, *, readable: bool) -> Finding:
    """Say what it means that a page can, or can't, read an endpoint's answers."""
    checked = f"CORS, {name}"
    if readable:
        return Finding(checked, f"pages of {origin} may read it")
    found = f"pages of {origin} may not read it"
    if name in {"discovery", "keys"}:
        advice = (
            "Have this origin allowed at the provider, or let the Jupyter server's administrator configure "
            "the provider there."
        )
        return Finding(checked, found, "problem", advice)
    if name == "token endpoint":
        advice = (
            "Some providers allow it for good answers only: if the sign-in fails, have this origin allowed "
            "for the client, or let the Jupyter server's administrator configure a relay."
        )
        return Finding(checked, f"{found}, at least not a refusal", "note", advice)
    return Finding(checked, found, "note", "Signing out then ends the session here, but not at the provider.")


def clock_finding(checked: str, skew: float, whose: str, other: str = "the provider's") -> Finding:
    """Say what a difference between clocks means; ``skew``: seconds that the other one is ahead."""
    size = abs(skew)
    if size < _NOTABLE_SKEW:
        return Finding(checked, f"{whose} agrees with {other}")
    found = f"{whose} is {size:.0f} s {'behind' if skew > 0 else 'ahead of'} {other}"
    if size <= _LARGEST_SKEW:
        return Finding(checked, found, "note", "Sign-ins work, but set the clock by a time server (NTP).")
    return Finding(checked, found, "problem", "Set the clock by a time server (NTP): ID tokens are refused.")


def origin_of(redirect_uri: str | None) -> str | None:
    """Return the origin of the pages that sign in with this redirect address."""
    if not redirect_uri:
        return None
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} and parts.netloc else None
