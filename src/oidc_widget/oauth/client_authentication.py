"""How the server proves that it is the client: secrets, and what is made of them for one request.

A secret comes from an environment variable or a file, never from the configuration itself, and
leaves this module only as part of a request to the provider.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OctKey, OKPKey, RSAKey

from oidc_widget.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from joserfc.jwk import Key

__all__ = ["METHODS", "ClientAuthentication", "Credential", "from_environment", "from_file"]

#: The values of ``token_endpoint_auth_method`` that are understood (OpenID Connect Core §9).
METHODS = ("none", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt")

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFETIME = 60  # seconds
_CURVE_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}

# What was taken out of the environment stays known to this process, where a second server may start.
_taken: dict[str, str] = {}


@dataclass(frozen=True)
class Credential:
    """A secret or a private key, and where it comes from."""

    source: str
    _value: str | None = field(default=None, repr=False)
    _file: Path | None = None

    def read(self) -> str:
        """Return the secret; a file is read each time, so that it may be replaced.

        Raises
        ------
        ConfigurationError
            When the file can't be read, or there is nothing in it.
        """
        value = self._value
        if self._file is not None:
            try:
                value = self._file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as failure:
                raise ConfigurationError(
                    f"{self.source} can't be read: {type(failure).__name__}."
                ) from failure
        if not value:
            raise ConfigurationError(f"{self.source} is empty.")
        return value


def from_environment(name: str, environ: MutableMapping[str, str] | None = None) -> Credential:
    """Take a secret out of the environment, so that kernels and terminals don't inherit it.

    Parameters
    ----------
    name : str
        The variable's name.
    environ : MutableMapping, optional
        The environment; the process's own unless given.

    Returns
    -------
    Credential
        The secret.

    Raises
    ------
    ConfigurationError
        When there is no such variable, or it is empty.
    """
    environ = os.environ if environ is None else environ
    if name in environ:
        _taken[name] = environ.pop(name)
    if name not in _taken:
        raise ConfigurationError(f"the environment variable {name} is not set.")
    credential = Credential(f"the environment variable {name}", _value=_taken[name].strip())
    credential.read()
    return credential


def from_file(path: str) -> Credential:
    """Use a secret that is kept in a file.

    Parameters
    ----------
    path : str
        The file; ``~`` stands for the home of the user whose server this is.

    Returns
    -------
    Credential
        The secret.

    Raises
    ------
    ConfigurationError
        When the file can't be read, or is empty.
    """
    credential = Credential(f"the file {path}", _file=Path(path).expanduser())
    credential.read()
    return credential


@dataclass(frozen=True)
class ClientAuthentication:
    """The client's authentication at one provider (OpenID Connect Core §9).

    Parameters
    ----------
    client_id : str
        The client.
    method : str
        One of :data:`METHODS`.
    credential : Credential, optional
        The client secret, or the private key (PEM or JWK); needed unless the method is ``none``.
    key_id : str, optional
        The key's ``kid`` at the provider.
    algorithm : str, optional
        How to sign; what is usual for the key unless given.
    audience : str, optional
        The assertion's ``aud``. Unless given, it is the issuer, at every endpoint: providers that insist on
        one thing insist on that, and an assertion for an address could be made to count elsewhere.
    """

    client_id: str
    method: str
    credential: Credential | None = None
    key_id: str | None = None
    algorithm: str | None = None
    audience: str | None = None

    def check(self) -> None:
        """Try the credential without sending it anywhere.

        Raises
        ------
        ConfigurationError
            When it can't be used.
        """
        self.sign({}, issuer="https://idp.example.com", now=0)

    def sign(
        self, form: Mapping[str, Any], *, issuer: str, now: float
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Add the client's authentication to a request.

        Parameters
        ----------
        form : Mapping
            The request's parameters.
        issuer : str
            The provider, letter by letter as it calls itself.
        now : float
            The time, in seconds since the epoch.

        Raises
        ------
        ConfigurationError
            When the credential can't be used.
        """
        if self.credential is None:
            return {**form, "client_id": self.client_id}, {}
        secret = self.credential.read()
        if self.method == "client_secret_post":
            return {**form, "client_id": self.client_id, "client_secret": secret}, {}
        if self.method == "client_secret_basic":
            # Form-encoded first (RFC 6749 §2.3.1), which matters for a ":" in the client_id.
            pair = f"{quote_plus(self.client_id)}:{quote_plus(secret)}"
            return dict(form), {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        return {
            **form,
            "client_id": self.client_id,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self._assertion(secret, issuer, now),
        }, {}

    def _assertion(self, secret: str, issuer: str, now: float) -> str:
        """Sign a client assertion (RFC 7523 §3)."""
        key = self._key(secret)
        algorithm = self.algorithm or _usual_algorithm(key)
        header = {"alg": algorithm, **({"kid": self.key_id} if self.key_id else {})}
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience or issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": int(now),
            "exp": int(now) + _ASSERTION_LIFETIME,
        }
        try:
            return jwt.encode(header, claims, key, algorithms=[algorithm])
        except (JoseError, ValueError) as failure:
            raise ConfigurationError(
                f"it can't sign with {algorithm}; set token_endpoint_auth_signing_alg."
            ) from failure

    def _key(self, secret: str) -> Key:
        if self.method == "client_secret_jwt":
            return OctKey.import_key(secret)
        if secret.startswith("{"):
            try:
                return JWKRegistry.import_key(json.loads(secret))
            except (JoseError, ValueError, TypeError, KeyError):
                pass  # said below, without the cause: it may quote the key
        for kind in (RSAKey, ECKey, OKPKey):
            try:
                key = kind.import_key(secret)
            except (JoseError, ValueError, TypeError):
                continue
            if key.is_private:
                return key
        raise ConfigurationError(
            "it is no private key in PEM or JWK form (RSA, EC or Ed25519, without a passphrase)."
        )


def _usual_algorithm(key: Key) -> str:
    if isinstance(key, ECKey):
        return _CURVE_ALGORITHMS.get(key.curve_name, "ES256")
    if isinstance(key, OctKey):
        return "HS256"
    return "EdDSA" if isinstance(key, OKPKey) else "RS256"
