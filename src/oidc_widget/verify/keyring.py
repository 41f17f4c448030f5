"""The public keys of an issuer, and which of them may verify which algorithm.

RFC 8725 §3.1: each key is used with exactly the algorithms it is for, whatever a token's header says.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from joserfc.jwk import JWKRegistry, OctKey
from joserfc.jws import JWSRegistry

from oidc_widget.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joserfc.jwk import Key

__all__ = ["ASYMMETRIC_ALGORITHMS", "HMAC_ALGORITHMS", "PRIVATE_MEMBERS", "KeyRing", "OfflineKeys"]

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_BY_CURVE: Mapping[str, tuple[str, ...]] = {
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA", "Ed25519"),  # RFC 8037 §3.1, and its newer name: RFC 9864 §2.2
    "Ed448": ("EdDSA", "Ed448"),
}

#: What may be accepted at all (RFC 7518 §3.1, RFC 8037, RFC 9864). ``none`` is not in it.
ASYMMETRIC_ALGORITHMS = tuple(
    name
    for name in (*_RSA, "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "Ed448")
    if name in JWSRegistry.algorithms  # the newer names only in newer releases
)
#: Accepted only if named by the caller, with keys that the caller gives.
HMAC_ALGORITHMS = ("HS256", "HS384", "HS512")

_MIN_RSA_BITS: Final = 2048  # RFC 7518 §3.3
_MIN_SECRET_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}  # RFC 7518 §3.2
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})  # RFC 7518 §6.2.2, §6.3.2

#: A JWK Set, one JWK, several, or public keys in PEM; a JWK or a set may also be JSON text.
OfflineKeys: TypeAlias = "Mapping[str, Any] | str | bytes | Sequence[Mapping[str, Any] | str | bytes]"


class KeyRing:
    """The usable keys of one issuer at one moment. Immutable, so threads share it without locks.

    Parameters
    ----------
    keys : iterable of joserfc.jwk.Key
        Public keys.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self._by_algorithm: dict[str, tuple[Key, ...]] = {}
        self._by_kid: dict[tuple[str, str | None], tuple[Key, ...]] = {}
        for key in keys:
            for algorithm in _algorithms_of(key):
                self._by_algorithm[algorithm] = (*self._by_algorithm.get(algorithm, ()), key)
                name = (algorithm, key.kid)
                self._by_kid[name] = (*self._by_kid.get(name, ()), key)
        #: Whether some keys are only for some of the issuers that publish them together (Entra).
        self.has_issuers = any("issuer" in key.keys() for several in self._by_kid.values() for key in several)  # noqa: SIM118  (a key is no mapping)

    @property
    def algorithms(self) -> frozenset[str]:
        """What there are keys for."""
        return frozenset(self._by_algorithm)

    def __bool__(self) -> bool:
        return bool(self._by_algorithm)

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, Any], *, symmetric: bool = False) -> KeyRing:
        """Read a JWK Set, leaving out what can't be used (RFC 7517 §5).

        Parameters
        ----------
        jwks : mapping
            ``{"keys": […]}``.
        symmetric : bool
            Whether ``oct`` keys count. Never for keys from the network: a published secret is none.

        Returns
        -------
        KeyRing
            Perhaps an empty one.
        """
        members = jwks.get("keys")
        if not isinstance(members, list):
            return cls(())
        keys = (_import(member, symmetric=symmetric) for member in members)
        return cls(key for key in keys if key is not None)

    @classmethod
    def from_offline(cls, keys: OfflineKeys, *, symmetric: bool = False) -> KeyRing:
        """Read keys that the caller gives.

        Parameters
        ----------
        keys : mapping, str, bytes or sequence of these
            A JWK Set, one JWK, several, or public keys in PEM.
        symmetric : bool
            See :meth:`from_jwks`.

        Returns
        -------
        KeyRing
            With at least one key.

        Raises
        ------
        ConfigurationError
            If none of them is usable.
        """
        if isinstance(keys, (str, bytes)) and keys.lstrip()[:1] in {"{", "[", b"{", b"["}:
            keys = _from_json(keys)
        if isinstance(keys, Mapping) and "keys" in keys:
            ring = cls.from_jwks(keys, symmetric=symmetric)
        else:
            several = [keys] if isinstance(keys, (Mapping, str, bytes)) else keys
            imported = (_import(member, symmetric=symmetric) for member in several)
            ring = cls(key for key in imported if key is not None)
        if not ring:
            raise ConfigurationError(
                "None of the keys given can verify a signature.",
                code="unusable_keys",
                hint="Give a JWK Set, a JWK or a public key in PEM: RSA of 2048 bits or more, EC or Ed25519; "
                "for HMAC a JWK of type 'oct' with 32, 48 or 64 bytes or more for HS256, HS384, HS512.",
            )
        return ring

    def find(self, algorithm: str, kid: str | None) -> tuple[Key, ...]:
        """Return the keys that a token may have been signed with.

        Parameters
        ----------
        algorithm : str
            The token's ``alg``.
        kid : str or None
            The token's ``kid``.

        Returns
        -------
        tuple of joserfc.jwk.Key
            Those of that ``kid``, else those without one; all that fit, if the token names none.
        """
        if kid is None:
            return self._by_algorithm.get(algorithm, ())
        return self._by_kid.get((algorithm, kid)) or self._by_kid.get((algorithm, None), ())


def _from_json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return []  # of no use, says the caller: the error of parsing would hold what may be a secret


def _import(member: object, *, symmetric: bool) -> Key | None:
    """Import one key; None if it can't be used. A key set may hold keys that others understand."""
    try:
        if isinstance(member, (str, bytes)):
            return _import_pem(member)
        if not isinstance(member, Mapping) or not _is_for_signatures(member):
            return None
        if member.get("kty") == "oct" and not symmetric:
            return None
        # A member that is null says nothing.
        public = {
            name: value for name, value in member.items() if name not in PRIVATE_MEMBERS and value is not None
        }
        key = JWKRegistry.import_key(public)
        key.get_op_key("verify")  # which looks at `key_ops` (RFC 7517 §4.3), and makes the key itself
    except Exception:  # noqa: BLE001  (each kind of broken key raises another kind of error)
        return None
    return key


def _import_pem(pem: str | bytes) -> Key | None:
    for key_type in ("RSA", "EC", "OKP"):
        try:
            # Through the JWK, so that a private key's PEM leaves only its public half behind.
            jwk = JWKRegistry.import_key(pem, key_type).as_dict(private=False)
        except Exception:  # noqa: BLE001, S112  (it is of one of the other types)
            continue
        return _import(jwk, symmetric=False)
    return None


def _is_for_signatures(jwk: Mapping[str, Any]) -> bool:
    """RFC 7517 §4.2; a key may lack it."""
    if jwk.get("use") not in {None, "sig"}:
        return False
    kid = jwk.get("kid")
    if kid is not None and not isinstance(kid, str):
        return False
    # Looked at before it is imported, so that joserfc needn't warn of it.
    if jwk.get("kty") == "RSA":
        # RFC 7518 §2, Base64urlUInt: the number counts, whatever zeros the text begins with.
        return int.from_bytes(_bytes(jwk.get("n")), "big").bit_length() >= _MIN_RSA_BITS
    return jwk.get("kty") != "oct" or len(_bytes(jwk.get("k"))) >= min(_MIN_SECRET_BYTES.values())


def _bytes(text: object) -> bytes:
    raw = text.encode("ascii") if isinstance(text, str) else b""
    return urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))


def _algorithms_of(key: Key) -> tuple[str, ...]:
    if key.key_type == "RSA":
        possible: tuple[str, ...] = _RSA
    elif isinstance(key, OctKey):
        size = len(key.raw_value)
        possible = tuple(name for name in HMAC_ALGORITHMS if size >= _MIN_SECRET_BYTES[name])
    else:
        possible = _BY_CURVE.get(str(key.get("crv")), ())
    declared = key.alg
    if declared is None:
        return possible
    return (declared,) if declared in possible else ()
