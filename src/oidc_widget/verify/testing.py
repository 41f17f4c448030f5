"""Test tokens: an issuer in the process, for the tests of one's own API. No network, no provider.

In ``conftest.py``::

    pytest_plugins = ["oidc_widget.verify.testing"]

and in a test::

    def test_me(oidc_issuer):
        app = create_app(oidc_issuer.config)                       # OIDC_ISSUER, OIDC_AUDIENCE, OIDC_KEYS
        answer = app.test_client().get("/me", headers=oidc_issuer.headers(sub="alice", scope="read"))
        assert answer.json == {"you": "alice"}

Where the protection is a module's own, it trusts the issuer for a while, and keeps the rest of its policy::

    with oidc_issuer.trusted_by(protect):
        ...

Whatever else is wrong with a token can be tried too: ``oidc_issuer.token(exp=0)``, ``token(aud="other")``,
``token(key=Issuer().key("ES256"))``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import uuid
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from oidc_widget.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import EllipsisType

    from oidc_widget.verify.protection import Protection

    Claim: TypeAlias = "Any | EllipsisType"

__all__ = ["Issuer", "Key"]

Key: TypeAlias = "RSAKey | ECKey | OKPKey"

_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_LIFETIME: Final = 300


class _Registry(jws.JWSRegistry):
    """Every algorithm and every header: a test may want what no honest issuer makes."""

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]

    def check_header(self, header: dict[str, Any]) -> None:
        pass


_ANYTHING: Final = _Registry()


class Issuer:
    """An issuer of tokens that are as good, or as bad, as a test asks for.

    Parameters
    ----------
    url : str
        Its name: ``iss``.
    audience : str
        Whom its tokens are for, unless a test says otherwise.
    now : callable
        The time, in seconds since the epoch.
    """

    def __init__(
        self,
        url: str = "https://issuer.test",
        audience: str = "https://api.test",
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.url = url
        self.audience = audience
        self._now = now
        self._keys: dict[str, Key] = {}

    def key(self, alg: str) -> Key:
        """Return the key that tokens of an algorithm are signed with, made when it is first asked for.

        Parameters
        ----------
        alg : str
            The algorithm.

        Returns
        -------
        joserfc key
            The private key; its ``kid`` says what kind it is.
        """
        kid = _CURVES.get(alg) or ("RSA" if alg[:2] in {"RS", "PS"} else "Ed25519")
        if kid not in self._keys:
            self._keys[kid] = (
                RSAKey.generate_key(2048, {"kid": kid})
                if kid == "RSA"
                else OKPKey.generate_key("Ed25519", {"kid": kid})
                if kid == "Ed25519"
                else ECKey.generate_key(_CURVES[alg], {"kid": kid})
            )
        return self._keys[kid]

    @property
    def jwks(self) -> dict[str, Any]:
        """The public keys of all tokens so far, and of ES256, as a JWK Set."""
        self.key("ES256")
        return {"keys": [key.as_dict(private=False) for key in self._keys.values()]}

    @property
    def settings(self) -> dict[str, Any]:
        """Parameters of a ``TokenVerifier`` or ``OIDCProtect`` that trusts this issuer's ES256 tokens."""
        return {"issuer": self.url, "audience": self.audience, "keys": self.jwks, "now": self._now}

    @property
    def config(self) -> dict[str, Any]:
        """The same as keys of ``app.config``."""
        return {f"OIDC_{name.upper()}": value for name, value in self.settings.items()}

    def claims(self, **changes: Claim) -> dict[str, Any]:
        """Return the claims of a good access token, changed.

        Parameters
        ----------
        **changes
            Claims to set; ``...`` leaves one out.

        Returns
        -------
        dict
            The claims.
        """
        now = int(self._now())
        claims = {
            "iss": self.url,
            "aud": self.audience,
            "sub": "alice",
            "client_id": "tests",
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + _LIFETIME,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not ...}

    def token(
        self,
        *,
        alg: str = "ES256",
        key: Key | None = None,
        header: Mapping[str, Claim] | None = None,
        **claims: Claim,
    ) -> str:
        """Issue an access token (RFC 9068).

        Parameters
        ----------
        alg : str
            What it is signed with.
        key : joserfc key, optional
            The key; the issuer's own unless given.
        header : mapping, optional
            Members of the header to set; ``...`` leaves one out.
        **claims
            Claims to set; ``...`` leaves one out.

        Returns
        -------
        str
            The token.
        """
        return self.sign(self.claims(**claims), alg=alg, key=key, header=header)

    def id_token(self, client_id: str = "tests", *, alg: str = "ES256", **claims: Claim) -> str:
        """Issue an ID token (OpenID Connect Core §2).

        Parameters
        ----------
        client_id : str
            Whom it is for.
        alg : str
            What it is signed with.
        **claims
            Claims to set; ``...`` leaves one out.

        Returns
        -------
        str
            The token.
        """
        own: dict[str, Any] = {"aud": client_id, "client_id": ..., "jti": ..., **claims}
        return self.token(alg=alg, header={"typ": "JWT"}, **own)

    def headers(self, **claims: Claim) -> dict[str, str]:
        """Return the headers of a request with an access token.

        Parameters
        ----------
        **claims
            Claims to set; ``...`` leaves one out.

        Returns
        -------
        dict
            ``Authorization``.
        """
        return {"Authorization": f"Bearer {self.sign(self.claims(**claims))}"}

    def proof(self, token: str, method: str, uri: str, *, key: Key, **claims: Claim) -> str:
        """Make the proof that goes with a token bound to a key (RFC 9449 §4.2).

        The token is issued with ``cnf={"jkt": key.thumbprint()}``.

        Parameters
        ----------
        token : str
            The access token.
        method, uri : str
            The request's.
        key : joserfc key
            The client's.
        **claims
            Claims to set; ``...`` leaves one out.

        Returns
        -------
        str
            The header ``DPoP``.
        """
        digest = hashlib.sha256(token.encode()).digest()
        proof = {
            "jti": uuid.uuid4().hex,
            "htm": method,
            "htu": uri,
            "iat": int(self._now()),
            "ath": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            **claims,
        }
        alg = {"RSA": "RS256", "EC": "ES256", "OKP": "Ed25519"}[key.key_type]
        jwk = key.as_dict(private=False)
        header = {"typ": "dpop+jwt", "jwk": jwk, "kid": ...}
        kept = {name: value for name, value in proof.items() if value is not ...}
        return self.sign(kept, alg=alg, key=key, header=header)

    def sign(
        self,
        claims: Mapping[str, Any],
        *,
        alg: str = "ES256",
        key: Key | None = None,
        header: Mapping[str, Claim] | None = None,
    ) -> str:
        """Sign any claims at all, without a thought.

        Parameters
        ----------
        claims : mapping
            All of them.
        alg, key, header
            As for :meth:`token`.

        Returns
        -------
        str
            The token.
        """
        key = key or self.key(alg)
        headers = {"alg": alg, "kid": key.kid, "typ": "at+jwt", **(header or {})}
        headers = {name: value for name, value in headers.items() if value is not ... and value is not None}
        return jws.serialize_compact(headers, json.dumps(claims).encode(), key, registry=_ANYTHING)

    @contextlib.contextmanager
    def trusted_by(self, *protections: Protection[Any]) -> Iterator[Issuer]:
        """Have protections trust this issuer instead of their own, for a while.

        What else they demand stays: audience, scopes, required claims. Nobody is asked anything.

        Parameters
        ----------
        *protections : oidc_widget.verify.flask.OIDCProtect or oidc_widget.verify.fastapi.OIDCProtect
            Flask's or FastAPI's.

        Yields
        ------
        Issuer
            This one.
        """
        for protection in protections:
            if protection.stand_in is not None:
                raise ConfigurationError("This protection trusts another issuer of a test already.")
        for protection in protections:
            protection.stand_in = self
        try:
            yield self
        finally:
            for protection in protections:
                protection.stand_in = None


try:
    import pytest
except ImportError:  # `unittest` will do too: make an Issuer
    pass
else:

    @pytest.fixture
    def oidc_issuer() -> Issuer:
        """Return an issuer for one test."""
        return Issuer()
