"""Tokens where no person is: as the environment says (nbconvert, papermill, cron, CI).

======================================  ==================================================================
``OIDC_WIDGET_TOKEN``                   an access token
``OIDC_WIDGET_TOKEN_FILE``              a file with one, which is read again when it changes
``OIDC_WIDGET_CLIENT_ID``               client credentials (RFC 6749 §4.4), proven by one of the next three:
``OIDC_WIDGET_CLIENT_SECRET_FILE``      a file with the client's secret (§2.3.1)
``OIDC_WIDGET_CLIENT_KEY_FILE``         a file with its private key, PEM or JWK (``private_key_jwt``, RFC 7523
                                        §2.2); ``OIDC_WIDGET_CLIENT_KEY_ID``: the key's ``kid``
``OIDC_WIDGET_FEDERATED_TOKEN_FILE``    a file with a token of another issuer that the provider trusts, as in
                                        Kubernetes (RFC 7523 §2.2); read anew for each request
``OIDC_WIDGET_AUTHORITY``               only for sign-ins at this provider; and where, for those that name one
                                        of a server's configuration
======================================  ==================================================================
"""

from __future__ import annotations

import json
import os
import re
import time
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from oidc_widget.errors import ConfigurationError, OIDCError, TokenError
from oidc_widget.oauth import clock
from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.oauth.provider import parse_authority
from oidc_widget.oauth.retry import RetrySchedule
from oidc_widget.oauth.secret import Secret
from oidc_widget.signin.session import RENEW_AFTER, unforeseen, wanted
from oidc_widget.signin.threads import Worker, scheduler, weakly
from oidc_widget.signin.token_cache import OWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oidc_widget.oauth.client_authentication import ClientAuthentication
    from oidc_widget.oauth.token_endpoint import TokenEndpoint
    from oidc_widget.signin.pages import Pages
    from oidc_widget.signin.session import Wanted
    from oidc_widget.signin.state import State
    from oidc_widget.signin.threads import Timer
    from oidc_widget.signin.token_cache import Target, TokenCache

__all__ = ["Credential", "UnattendedSource", "from_environment"]

#: Seconds between two looks whether the file has changed.
_LOOK = 2.0
_LONGEST_RETRY = 60.0
_LONGEST_FILE = 64 * 1024  # bytes
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750 §2.1
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
#: What is asked for about a person, of whom there is none (OpenID Connect Core §5.4, §11).
_OF_A_PERSON = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})
_PROOFS = (
    "OIDC_WIDGET_CLIENT_SECRET_FILE",
    "OIDC_WIDGET_CLIENT_KEY_FILE",
    "OIDC_WIDGET_FEDERATED_TOKEN_FILE",
)


class Credential(Protocol):
    """What brings tokens; it may wait for the network."""

    #: Whether it takes nothing but a look.
    local: bool
    #: Whether another token may come.
    renewable: bool

    def get(self, key: Wanted, *, own: bool) -> AccessToken:
        """Return a token that lives; ``own``: for what the sign-in itself is for.

        Raises
        ------
        OIDCError
            There is none to be had.
        """

    def due(self, token: AccessToken | None) -> float | None:
        """Return the seconds after which to look again; ``None``: never."""

    def changed(self) -> bool:
        """Whether there is something new since the last time."""


def from_environment(
    request: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> Credential | None:
    """Return what the environment has for this request; ``None``: nothing.

    Raises
    ------
    ConfigurationError
        It names a client and no proof of being that, or several, or what it holds is no token.
    """
    named = {name: value for name, value in environ.items() if name.startswith("OIDC_WIDGET_") and value}
    authority = named.get("OIDC_WIDGET_AUTHORITY")
    asked = request.get("authority")
    if authority and asked and _issuer(authority) != _issuer(asked):
        return None
    if "OIDC_WIDGET_TOKEN" in named:
        token = Secret(named["OIDC_WIDGET_TOKEN"].strip())
        if not _BEARER.fullmatch(token.reveal()):
            raise ConfigurationError("OIDC_WIDGET_TOKEN holds no access token (RFC 6750 §2.1).")
        return _GivenToken(token)
    if "OIDC_WIDGET_TOKEN_FILE" in named:
        return _TokenFile(Path(named["OIDC_WIDGET_TOKEN_FILE"]))
    if "OIDC_WIDGET_CLIENT_ID" not in named:
        return None
    proofs = [name for name in _PROOFS if name in named]
    if len(proofs) != 1:
        raise ConfigurationError(
            "OIDC_WIDGET_CLIENT_ID is set, but "
            + (f"{' and '.join(proofs)} are too." if proofs else "nothing that proves to be that client."),
            hint=f"Set one of {', '.join(_PROOFS)}.",
        )
    return _ClientCredentials(
        authority or asked,
        named["OIDC_WIDGET_CLIENT_ID"],
        proofs[0],
        Path(named[proofs[0]]),
        named.get("OIDC_WIDGET_CLIENT_KEY_ID"),
    )


def _issuer(authority: str) -> str:
    return parse_authority(authority).rstrip("/")


@dataclass
class _GivenToken:
    """The token that the environment holds."""

    _token: Secret
    local, renewable = True, False

    def get(self, key: Wanted, *, own: bool) -> AccessToken:  # noqa: ARG002  # it is for what it is for
        if not own:
            raise _for_one_only("OIDC_WIDGET_TOKEN")
        return _living(self._token, "OIDC_WIDGET_TOKEN")

    def due(self, token: AccessToken | None) -> float | None:  # noqa: ARG002  # it stays what it is
        return None

    def changed(self) -> bool:
        return False


@dataclass
class _TokenFile:
    """A token in a file that somebody else renews: a sidecar, a cron job, Kubernetes."""

    _path: Path
    local, renewable = True, True
    _seen: tuple[int, ...] | None = None

    def get(self, key: Wanted, *, own: bool) -> AccessToken:  # noqa: ARG002  # it is for what it is for
        if not own:
            raise _for_one_only("OIDC_WIDGET_TOKEN_FILE")
        self._seen = self._signature()  # before it is read: what changes meanwhile is read again
        return _living(_read(self._path, "OIDC_WIDGET_TOKEN_FILE"), f"the file {self._path}")

    def due(self, token: AccessToken | None) -> float | None:  # noqa: ARG002  # however long that one lives
        return _LOOK

    def changed(self) -> bool:
        return self._signature() != self._seen

    def _signature(self) -> tuple[int, ...] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


@dataclass
class _ClientCredentials:
    """Tokens for a client of its own (RFC 6749 §4.4)."""

    _authority: str | None
    _client_id: str
    _proof: str
    _path: Path
    _key_id: str | None
    local, renewable = False, True
    _endpoint: TokenEndpoint | None = field(default=None, repr=False)

    def get(self, key: Wanted, *, own: bool) -> AccessToken:  # noqa: ARG002  # each is asked for alike
        if self._endpoint is None:
            self._endpoint = self._discovered()
        endpoint = self._endpoint
        scope = " ".join(scope for scope in key.scopes if scope not in _OF_A_PERSON)
        form = {"scope": scope, "resource": key.resource, "audience": key.audience}
        asked = {"grant_type": "client_credentials", **{n: v for n, v in form.items() if v}}
        prove = self._federated() if self._proof == _PROOFS[2] else self._authentication(endpoint)
        response = endpoint.tokens(
            endpoint.post("token_endpoint", lambda: prove(asked)[0], headers=lambda: prove(asked)[1])
        )
        return AccessToken.lasting(response.access_token.reveal(), response.expires_in)

    def due(self, token: AccessToken | None) -> float | None:
        if token is None or token.lifetime == float("inf"):
            return None
        return RENEW_AFTER * token.lifetime

    def changed(self) -> bool:
        return True

    def _discovered(self) -> TokenEndpoint:
        from oidc_widget.oauth.http import open_client  # noqa: PLC0415  # `import oidc_widget` loads none of it
        from oidc_widget.oauth.provider import discover  # noqa: PLC0415  # likewise
        from oidc_widget.oauth.token_endpoint import TokenEndpoint  # noqa: PLC0415  # likewise

        if self._authority is None:
            raise ConfigurationError(
                "Only the Jupyter server knows where the provider of this name is.",
                hint="Set OIDC_WIDGET_AUTHORITY to its issuer address.",
            )
        client = open_client()
        return TokenEndpoint(discover(client, self._authority), self._client_id, client)

    def _authentication(self, endpoint: TokenEndpoint) -> Any:
        from oidc_widget.oauth.client_authentication import ClientAuthentication, from_file  # noqa: PLC0415  # loads joserfc

        method = "private_key_jwt"
        if self._proof == _PROOFS[0]:
            # Without the member it is this one (OpenID Connect Discovery 1.0 §3).
            said = endpoint.provider.metadata.get("token_endpoint_auth_methods_supported")
            basic = not isinstance(said, list) or "client_secret_basic" in said
            method = "client_secret_basic" if basic else "client_secret_post"
        try:
            credential = from_file(str(self._path))
            authentication: ClientAuthentication = ClientAuthentication(
                self._client_id, method, credential, self._key_id
            )
            authentication.check()
        except ConfigurationError as error:
            raise ConfigurationError(f"{self._proof} is of no use: {error.message}") from error
        issuer = endpoint.provider.issuer
        return lambda form: authentication.sign(form, issuer=issuer, now=time.time())

    def _federated(self) -> Any:
        token = _read(self._path, self._proof)
        left = _seconds_left(token)
        if left is not None and left <= 0:
            raise TokenError(
                f"The federated token in the file {self._path} has expired.",
                hint="Whoever writes the file has to renew it.",
            )
        return lambda form: (
            {**form, "client_assertion_type": _ASSERTION_TYPE, "client_assertion": token.reveal()},
            {},
        )


def _read(path: Path, name: str) -> Secret:
    """Return the token in a file, whoever writes it and however far it has come."""
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(_LONGEST_FILE + 1)
    except OSError as cause:
        raise TokenError(
            f"The file {path} can't be read ({cause.strerror}).", hint=f"Check {name}, and who may read it."
        ) from None
    token = Secret(content.decode("ascii", "replace").strip())
    if len(content) > _LONGEST_FILE or not _BEARER.fullmatch(token.reveal()) or _is_torn(token):
        raise TokenError(
            f"There is no whole token in the file {path}.",
            hint="It is read again when it changes; write it under another name first, and rename it.",
        )
    return token


def _is_torn(token: Secret) -> bool:
    """Whether it begins as a JWT does (RFC 7519 §3: ``{"``), and isn't one to the end."""
    text = token.reveal()
    return text.startswith("eyJ") and (text.count(".") not in {2, 4} or text.endswith("."))


def _living(token: Secret, name: str) -> AccessToken:
    left = _seconds_left(token)
    if left is not None and left <= 0:
        raise TokenError(
            f"The access token in {name} has expired.",
            hint="Set a new one; a file is read again when it changes.",
        )
    return AccessToken.lasting(token.reveal(), left)


def _seconds_left(token: Secret) -> float | None:
    """Read how long a JWT lives (RFC 7519 §4.1.4): whether it is genuine is its reader's to judge."""
    try:
        payload = token.reveal().split(".")[1]
        expires = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]
        left = float(expires) - time.time()
    except (ValueError, TypeError, LookupError, RecursionError):
        return None  # an opaque one
    return left if left < float("inf") else None


def _for_one_only(name: str) -> TokenError:
    return TokenError(
        f"{name} holds the token for one API, and others are not to be had by it.",
        code="scope_unavailable",
        hint="Client credentials get one for each: set OIDC_WIDGET_CLIENT_ID.",
    )


class UnattendedSource:
    """What the environment gives as a source of tokens.

    Nobody is asked, and there are no claims: no person signed in. Parameters as
    :class:`~oidc_widget.signin.source.Source` says, and the credential.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # a source's five, and one more
        self,
        request: Mapping[str, Any],
        options: Mapping[str, Any],
        state: State,
        cache: TokenCache,
        pages: Pages,
        credential: Credential,
    ) -> None:
        self._request = request
        self._auto_refresh: bool = options["auto_refresh"]
        self._state = state
        self._cache = cache
        self._pages = pages
        self._credential = credential
        self._worker = Worker("oidc-widget-unattended")
        self._retry = RetrySchedule(_LONGEST_RETRY)
        self._timer: Timer | None = None
        self._begun = self._ended = False

    def start(self) -> None:
        """Have a token as soon as possible; what takes only a look is there at once."""
        if self._credential.local:
            self._renew()
        else:
            self._begin()

    @property
    def busy(self) -> bool:
        """Whether no other source may take over: so it is."""
        return True

    def sign_in(self) -> None:
        """Get a token."""
        self._ended = False
        self._begin()

    def sign_out(self) -> None:
        """Get none any more."""
        self._ended = True
        self._worker.clear()
        if self._timer is not None:
            self._timer.cancel()

    def refresh(self) -> None:
        """Get a new one now."""
        self._worker.put(self._renew)

    def request_token(self, question_id: str, target: Target, min_ttl: float | None) -> None:  # noqa: ARG002  # it is asked for anew
        """Get a token for this target."""
        self._worker.put(partial(self._answer, question_id, target))

    def expect(self, deadline: float | None) -> None:  # noqa: ARG002  # nothing is held up
        """Try once more, unless that goes on."""
        self.sign_in()

    def obstacle(self, *, blocking: bool) -> OIDCError | None:  # noqa: ARG002  # nobody has to click
        """Say that nothing is in the way."""
        return None

    def _answer(self, question_id: str, target: Target) -> None:
        result = self._got(wanted(self._request, target), own=target == OWN)
        if target == OWN and isinstance(result, AccessToken) and not self._ended:
            self._take(result)
        self._cache.answer(question_id, result)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._worker.put(self._renew)

    def _renew(self) -> None:
        result = self._got(wanted(self._request), own=True)
        self._begun = False  # before anybody is told: who waits from here on begins another
        if self._ended:
            return
        if isinstance(result, AccessToken):
            self._take(result)
            return
        self._state.take_status("expired" if self._state.now.session else "error", result)
        if self._state.now.access_token is None:
            self._state.fail(result)
        if self._credential.renewable:
            self._look_later(self._retry.failed())

    def _take(self, token: AccessToken) -> None:
        self._retry.succeeded()
        self._pages.renewed = self._auto_refresh and self._credential.renewable
        self._state.take_token(token)
        delay = self._credential.due(token)
        if delay is not None and self._auto_refresh:
            self._look_later(delay)

    def _look_later(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        look = weakly(self._look)
        self._timer = scheduler.at(clock.now() + delay, partial(self._worker.put, look))

    def _look(self) -> None:
        if self._ended:
            return
        if self._credential.changed():
            self._renew()
        else:
            self._look_later(self._credential.due(self._state.now.token) or _LOOK)

    def _got(self, key: Wanted, *, own: bool) -> AccessToken | OIDCError:
        try:
            return self._credential.get(key, own=own)
        except OIDCError as error:
            return error
        except Exception as cause:  # noqa: BLE001  # told as an error like any other, and tried again
            return unforeseen("No token could be had", cause)
