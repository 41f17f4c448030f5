"""What a provider says of one client, without anybody signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from oidc_widget.diagnosis.cors import MADE_UP
from oidc_widget.diagnosis.refusal_page import explain_refusal
from oidc_widget.diagnosis.report import Check
from oidc_widget.errors import OIDCError
from oidc_widget.oauth.authorization_request import AuthorizationRequest, code_challenge
from oidc_widget.oauth.callback_address import issuer_tail
from oidc_widget.oauth.http import exchange
from oidc_widget.oauth.token_endpoint import TokenEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oidc_widget.diagnosis.clock import ProviderClock
    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.provider import Provider

__all__ = ["DEVICE_GRANT", "ClientChecks"]

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"  # RFC 8628 §3.4

_TIMEOUT = 10.0  # seconds, for each request
_OK = 200


class ClientChecks:
    """The checks of one client at one provider.

    Parameters
    ----------
    client : Client
        The way to the network.
    provider : Provider
        Whom to ask.
    request : mapping
        ``client_id``, and as far as they are known ``redirect_uri``, ``scopes``, ``extra_params``, ``relay``.
    clock : ProviderClock
        Told of the answers.
    label : str, optional
        The provider's name.
    """

    def __init__(
        self,
        client: Client,
        provider: Provider,
        request: Mapping[str, Any],
        clock: ProviderClock,
        *,
        label: str | None = None,
    ) -> None:
        self._client = client
        self._provider = provider
        self._request = request
        self._client_id = str(request["client_id"])
        self._endpoint = TokenEndpoint(provider, self._client_id, client)
        self._clock = clock
        self._label = label
        #: Whether the token endpoint answered, be it with a refusal; ``None``: it was not asked.
        self.answered: bool | None = None

    def run(self) -> Iterator[Check]:
        """Make the checks.

        Yields
        ------
        Check
            One for each, as soon as it is made.
        """
        if self._request.get("relay"):
            # The server has the secret; asked without it, the provider would refuse a client that works.
            yield Check("Client", f"“{self._client_id}” asks through the Jupyter server")
        else:
            yield self._at_token_endpoint()
            yield self._without_browser()
        if self._request.get("redirect_uri"):
            yield from self.redirect_address("Redirect address", str(self._request["redirect_uri"]))
            yield from self._opener_policy()

    def _at_token_endpoint(self) -> Check:
        """Ask with a code that nobody issued: a public client is told so, another one is sent away."""
        form = {
            "grant_type": "authorization_code",
            "code": MADE_UP,
            "code_verifier": MADE_UP * 2,
            "redirect_uri": str(self._request.get("redirect_uri") or "http://localhost/"),
        }
        try:
            with self._clock.watch() as take:
                answer = take(self._endpoint.post("token_endpoint", form.copy))
        except OIDCError as error:
            return Check("Token endpoint", error.message, "problem", error.hint)
        self.answered = answer.status != 0
        said = f': "{answer.description[:200]}"' if answer.description else ""
        if answer.passing:
            why = answer.failure or f"status {answer.status}"
            return Check("Token endpoint", f"no answer ({why})", "problem", "Try again in a while.")
        if answer.error in {"invalid_client", "unauthorized_client"}:
            advice = (
                "Check client_id; register it as a public client; or, if it must have a secret, let the "
                "Jupyter server's administrator configure the provider there."
            )
            found = f"“{self._client_id}” is refused ({answer.error}{said})"
            return Check("Client", found, "problem", advice)
        if answer.error in {"invalid_dpop_proof", "use_dpop_nonce"}:
            advice = "Have DPoP switched off for it: tokens are sent as bearer tokens here."
            return Check(
                "Client", f"“{self._client_id}” must prove a key (DPoP, RFC 9449)", "problem", advice
            )
        if answer.error is None:
            return Check("Token endpoint", f"answers with status {answer.status}", "unknown")
        return Check("Client", f"“{self._client_id}” needs no secret")

    def _without_browser(self) -> Check:
        """Ask for a code that nobody will enter: a grant may be announced, and not be this client's."""
        if not self._provider.offers("device_authorization_endpoint"):
            return Check(
                "Without a browser", "no device flow: the address one lands on is pasted back", "note"
            )
        form = {
            "scope": " ".join(self._request.get("scopes") or ["openid"]),
            "code_challenge": code_challenge(MADE_UP),  # some want PKCE in every flow
            "code_challenge_method": "S256",
        }
        try:
            answer = self._endpoint.post("device_authorization_endpoint", form.copy)
        except OIDCError as error:
            return Check("Without a browser", error.message, "note", error.hint)
        if answer.status == _OK:
            return Check("Without a browser", "device flow")
        if answer.passing:
            why = answer.failure or f"status {answer.status}"
            return Check("Without a browser", f"the device flow gives no answer ({why})", "unknown")
        found = f"the device flow is announced, but not for this client ({answer.error or answer.status})"
        return Check(
            "Without a browser",
            found,
            "note",
            "The address one lands on is pasted back instead; or have the flow allowed for the client.",
        )

    def redirect_address(self, checked: str, redirect_uri: str) -> Iterator[Check]:
        """Ask whether the client may be answered at an address."""
        problem = explain_refusal({**self._request, "redirect_uri": redirect_uri}, label=self._label)
        if problem is None:
            yield Check(checked, f"nothing is said against {redirect_uri}")
            return
        advice = problem.get("hint")
        if problem["code"] != "redirect_uri_mismatch":
            yield Check("Sign-in request", problem["message"], "problem", advice)
            return
        tail = f"/{issuer_tail(self._provider.issuer)}"
        before = redirect_uri.removesuffix(tail)
        asked = {**self._request, "redirect_uri": before}
        if before != redirect_uri and explain_refusal(asked, label=self._label) is None:
            advice = (
                f"{before} is registered, which is for providers that the server's administrator configured "
                f"(it was everybody's before). Register {redirect_uri}, or have the provider configured."
            )
        yield Check(checked, problem["message"], "problem", advice)

    def _opener_policy(self) -> Iterator[Check]:
        """Look for the header that cuts the window's line to its opener, which is not needed here."""
        redirect_uri = str(self._request["redirect_uri"])
        try:
            address = AuthorizationRequest.make(self._provider, self._request, redirect_uri).url
        except OIDCError:
            return  # told already: there is no endpoint
        for _ in range(5):
            answer = exchange(self._client, "GET", address, timeout=_TIMEOUT, cut=True)
            policy = answer.headers.get("cross-origin-opener-policy")
            if policy is not None:
                found = f"is sent with Cross-Origin-Opener-Policy: {policy}, which is fine here"
                yield Check("Sign-in page", found)
                return
            address = urljoin(address, answer.headers.get("location", ""))
            if "location" not in answer.headers or address.startswith(redirect_uri):
                return
