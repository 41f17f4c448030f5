"""The certified `oidc-provider` (npm) as a process, and what a test may do to it.

>>> with OidcProvider(redirect_uris=[...], coop=True) as provider:
...     provider.issuer            # "http://127.0.0.1:PORT", the `authority` of an OIDCLogin
...     provider.client_id         # "notebooks": public; `provider.confidential` has a secret and no CORS
...     provider.configure(access_token_ttl=6)          # any setting of `settings.mjs`, while it runs
...     provider.fault("token", "status", status=503, times=2)
...     provider.forge(claims={"iss": "https://evil.example"})
...     provider.token_response(set={"expires_in": "3600"}, omit=["refresh_token"], on="refresh_token")
...     provider.authorization_response(omit=["iss"])
...     provider.configure(jwks_max_age=600); provider.rotate_keys()          # as Dex does
...     provider.revoke("alice")   # her refresh tokens, behind everybody's back
...     provider.down(); provider.up()                  # connection refused, and back at the same port
...     provider.requests("token", grant_type="refresh_token")
...     provider.secrets()         # every code, token, state, nonce and verifier of the run
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

SCRIPT = Path(__file__).with_suffix(".mjs")


@dataclass(frozen=True)
class Person:
    """Somebody with an account at the provider, as in `settings.mjs`."""

    login: str
    password: str
    sub: str
    name: str
    email: str
    groups: tuple[str, ...]


ALICE = Person("alice", "alice-password", "a-1001", "Alice Adams", "alice@example.com", ("staff", "analysts"))
BOB = Person("bob", "bob-password", "b-1002", "Bob Brown", "bob@example.com", ("staff",))


@dataclass(frozen=True)
class Client:
    """A registered client with a secret."""

    client_id: str
    client_secret: str


@dataclass(frozen=True)
class ProviderRequest:
    """One request that the provider saw.

    `time` and `answered` are seconds since the epoch, by this machine's clock.
    """

    time: float
    method: str
    path: str
    endpoint: str | None
    origin: str | None
    client_id: str | None
    grant_type: str | None
    params: dict[str, Any]
    status: int | None
    error: str | None
    answered: float | None = None


@dataclass(frozen=True)
class Secret:
    """A value that must not turn up where it doesn't belong; `kind` is its standard name, as `code`."""

    kind: str
    value: str


class OidcProvider:
    """A running provider.

    Parameters
    ----------
    log
        Where its standard error goes.
    **settings
        Any setting of `settings.mjs`, and `host`, `port`, `path` of the issuer, which can't change later.
    """

    client_id = "notebooks"
    confidential = Client("confidential", "test-secret-of-the-confidential-client")
    api = Client("api", "test-secret-of-the-api")

    def __init__(self, log: IO[str] | int = subprocess.DEVNULL, **settings: Any) -> None:
        node = shutil.which("node")
        if node is None:
            raise RuntimeError("The provider runs on Node: install Node 20 or later.")
        self._process = subprocess.Popen(
            [node, SCRIPT, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The provider did not start: its reason is in the log (is `npm ci` done?).")
        ready = json.loads(line)
        self.issuer: str = ready["issuer"]
        #: Where `oidc_provider/admin.mjs` answers, for those that don't use this class.
        self.admin_url: str = ready["admin"]
        self._admin = httpx.Client(base_url=self.admin_url, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process."""
        self._admin.close()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()

    def configure(self, **settings: Any) -> None:
        """Replace these settings from now on; None brings a default back."""
        self._ask("PATCH", "/settings", settings)

    def settings(self) -> dict[str, Any]:
        """All settings as they are now."""
        return self._ask("GET", "/settings")

    def reset(self) -> None:
        """Accept connections, with the settings given at start and an empty log."""
        self.up()
        self._ask("DELETE", "/settings")
        self.forget()

    def fault(self, endpoint: str, kind: str, **details: Any) -> None:
        """Let an endpoint fail in one of the ways of `faults.mjs`; the faults of other endpoints stay."""
        faults = self.settings()["faults"]
        self.configure(faults={**faults, endpoint: {"kind": kind, **details}})

    def heal(self) -> None:
        """End all faults and all tampering."""
        self.configure(
            faults=None,
            id_token=None,
            token_response=None,
            authorization_response=None,
            discovery_response=None,
        )

    def forge(self, claims: dict[str, Any] | None = None, **how: Any) -> None:
        """Issue ID tokens with these claims instead (None leaves one out), signed as `patches.mjs` says."""
        self.configure(id_token={"claims": claims or {}, **how})

    def rotate_keys(self) -> None:
        """Sign ID tokens with a key that is new from now on; the old ones stay published."""
        self.configure(key_rotations=self.settings()["key_rotations"] + 1)

    def token_response(self, **patch: Any) -> None:
        """Change token responses: `set={…}`, `omit=[…]`, `on="refresh_token"`."""
        self.configure(token_response=patch)

    def authorization_response(self, **patch: Any) -> None:
        """Change the parameters of the redirect back: `set={…}`, `omit=[…]`, `fragment=True`."""
        self.configure(authorization_response=patch)

    def discovery_response(self, **patch: Any) -> None:
        """Change the discovery document: `set={…}`, `omit=[…]`."""
        self.configure(discovery_response=patch)

    def revoke(self, login: str, *models: str) -> int:
        """Forget somebody's refresh tokens, or these models, and return how many there were.

        The models are `RefreshToken`, `AccessToken`, `Session` (at the provider) and `Grant`.
        """
        body = {"login": login, "models": models or ["RefreshToken"]}
        return self._ask("POST", "/revoke", body)["revoked"]

    def down(self) -> None:
        """Refuse connections."""
        self._ask("POST", "/down")

    def up(self) -> None:
        """Accept connections again, at the same port."""
        self._ask("POST", "/up")

    def requests(self, endpoint: str | None = None, **members: Any) -> list[ProviderRequest]:
        """Return the requests seen, in order; of this endpoint, and with these members, if given.

        The endpoints are `discovery`, `jwks`, `authorization`, `token`, `userinfo`, `revocation`,
        `introspection`, `device_authorization` and `end_session`.
        """
        seen = [ProviderRequest(**entry) for entry in self._ask("GET", "/log")["requests"]]
        wanted = {**members, **({"endpoint": endpoint} if endpoint else {})}
        return [
            request
            for request in seen
            if all(getattr(request, name) == value for name, value in wanted.items())
        ]

    def secrets(self, *kinds: str) -> list[Secret]:
        """Return every secret value that went over the wire; of these kinds, if given."""
        secrets = [Secret(**secret) for secret in self._ask("GET", "/log")["secrets"]]
        return [secret for secret in secrets if not kinds or secret.kind in kinds]

    def forget(self) -> None:
        """Start the log anew."""
        self._ask("DELETE", "/log")

    def introspect(self, token: str) -> dict[str, Any]:
        """Ask the introspection endpoint, as the protected API would (RFC 7662 §2.1)."""
        response = httpx.post(
            f"{self.issuer}/token/introspection",
            data={"token": token},
            auth=(self.api.client_id, self.api.client_secret),
            trust_env=False,
        )
        response.raise_for_status()
        return response.json()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        response = self._admin.request(method, path, json=body or {})
        if response.is_error:
            raise RuntimeError(response.json()["error"])
        return response.json()
