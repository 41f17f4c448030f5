"""A signed token: read it strictly, then check its signature (RFC 7515, RFC 7519, RFC 8725)."""

from __future__ import annotations

import functools
import json
import re
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError

from oidc_widget.errors import (
    AlgorithmNotAllowed,
    BadSignature,
    CriticalHeader,
    EncryptedToken,
    MalformedToken,
    TokenTooLarge,
    UnknownKey,
)
from oidc_widget.verify.keyring import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS

if TYPE_CHECKING:
    from collections.abc import Collection

    from joserfc.jwk import Key

__all__ = ["SignedToken", "looks_signed", "parse", "quote", "verify_signature"]

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # RFC 4648 §5
# What the last character may be, by how many are left over after groups of four (RFC 4648 §3.5).
_LAST_CHARACTER: Final = {0: _ALPHABET, 2: b"AQgw", 3: b"AEIMQUYcgkosw048"}
_JWE: Final = re.compile(rb"[\w-]+(?:\.[\w-]*){4}")  # RFC 7516 §7.1; the encrypted key may be empty
_JWE_DOTS: Final = 4
_JWS_DOTS: Final = 2  # RFC 7515 §7.1
_QUOTED: Final = 80


class SignedToken(NamedTuple):
    """A token that has been read, and not yet been believed."""

    algorithm: str
    kid: str | None
    typ: str | None
    header: dict[str, Any]
    claims: dict[str, Any]
    signature: jws.CompactSignature


class _Registry(jws.JWSRegistry):
    """The algorithms. Which of them an issuer may use is decided before.

    Without the library's warning at each token of the old name `EdDSA`: that is up to the provider.
    """

    def get_alg(self, name: str) -> Any:
        if name not in ASYMMETRIC_ALGORITHMS and name not in HMAC_ALGORITHMS:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]

    def check_header(self, header: dict[str, Any]) -> None:
        """Do nothing: `_decode_header` has done it, once for all tokens with the same header."""


_JOSE: Final = _Registry()


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError  # NaN and Infinity are no JSON (RFC 8259 §6), and a NaN never expires


_decode_json: Final = json.JSONDecoder(parse_constant=_refuse_constant).decode


def looks_signed(token: object) -> bool:
    """Tell a JWT from an opaque token.

    Returns
    -------
    bool
        True if it starts as a JSON object in base64url does and has the dots of a JWS or a JWE.
    """
    if isinstance(token, str):
        return token.startswith("ey") and token.count(".") in {_JWS_DOTS, _JWE_DOTS}
    if isinstance(token, bytes):
        return token.startswith(b"ey") and token.count(b".") in {_JWS_DOTS, _JWE_DOTS}
    return False


def parse(token: str | bytes, *, max_bytes: int) -> SignedToken:
    """Read a token in compact serialization, believing nothing.

    Raises
    ------
    MalformedToken
        If it is no JWS of a JSON object; :class:`TokenTooLarge` and :class:`EncryptedToken` are of its kind.
    AlgorithmNotAllowed
        If the header names no algorithm.
    CriticalHeader
        If the header has a ``crit``.
    """
    raw = _as_bytes(token, max_bytes)
    # To delete what may be there is the quickest way to see whether anything else is.
    if raw.translate(None, _ALPHABET) != b"..":
        _refuse_shape(raw)
    header_segment, payload_segment, signature_segment = raw.split(b".")
    algorithm, kid, typ, header = _decode_header(header_segment)
    claims = _decode_object(payload_segment)
    if claims is None:
        raise MalformedToken("The token's payload is no JSON object.")
    # One token has one spelling: no bits are set that no byte uses.
    for segment, part in (
        (header_segment, "header"),
        (payload_segment, "payload"),
        (signature_segment, "signature"),
    ):
        if segment and segment[-1] not in _LAST_CHARACTER.get(len(segment) % 4, b""):
            raise MalformedToken(f"The token's {part} is no base64url.")
    signature = jws.CompactSignature(header, b"")
    signature.segments.update(
        {"header": header_segment, "payload": payload_segment, "signature": signature_segment}
    )
    return SignedToken(algorithm, kid, typ, header, claims, signature)


def verify_signature(token: SignedToken, keys: Collection[Key]) -> None:
    """Check a token's signature.

    Parameters
    ----------
    token : SignedToken
        The token.
    keys : collection of joserfc.jwk.Key
        The keys it may have been signed with: of its issuer, for its algorithm.

    Raises
    ------
    UnknownKey
        If there are none.
    BadSignature
        If none of them made the signature.
    """
    if not keys:
        which = f" with the id {quote(token.kid)}" if token.kid is not None else ""
        raise UnknownKey(
            f"The issuer has no key for {token.algorithm}{which}.",
            hint="The token may have been signed with a key that is no longer in use.",
        )
    if not any(_is_signed_with(key, token) for key in keys):
        raise BadSignature("The token's signature is not the issuer's.")


def quote(value: object) -> str:
    """Show a value from a token in an error: printable, on one line, and cut short."""
    text = ascii(value)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}..."


def _is_signed_with(key: Key, token: SignedToken) -> bool:
    try:
        return jws.validate_compact(token.signature, key, registry=_JOSE)
    except (JoseError, ValueError):  # e.g. a signature of a length that is impossible for the key
        return False


def _as_bytes(token: object, max_bytes: int) -> bytes:
    if not isinstance(token, (str, bytes)):
        raise MalformedToken(f"A token is text, not {type(token).__name__}.")
    if len(token) > max_bytes:
        raise TokenTooLarge(f"The token is longer than {max_bytes} bytes.")
    if isinstance(token, bytes):
        return token
    if not token.isascii():
        raise MalformedToken("The token holds characters that no token has.")
    return token.encode("ascii")


def _refuse_shape(raw: bytes) -> NoReturn:
    if raw[:7].lower() == b"bearer ":
        raise MalformedToken("The token starts with 'Bearer '.", hint="Give what follows it.")
    if _JWE.fullmatch(raw):
        raise EncryptedToken(
            "The token is encrypted (a JWE); a signed one is expected.",
            hint="Have the provider issue signed tokens to this service.",
        )
    raise MalformedToken("The token is no JWT: three parts in base64url, separated by dots.")


def _decode_object(segment: bytes) -> dict[str, Any] | None:
    # An error of parsing is swallowed, not chained: it holds what was parsed, that is the token.
    try:
        value = _decode_json(urlsafe_b64decode(segment + b"=" * (-len(segment) % 4)).decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


# All tokens that a key signed have the same header, so it is read once. The header is shared by them, and
# handed out read-only. Errors are not remembered. Unknown members are ignored (RFC 7515 §4); `crit`, which
# makes them count, is refused.
@functools.lru_cache(maxsize=64)
def _decode_header(segment: bytes) -> tuple[str, str | None, str | None, dict[str, Any]]:
    header = _decode_object(segment)
    if header is None:
        raise MalformedToken("The token's header is no JSON object.")
    algorithm, kid, typ = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str):
        raise AlgorithmNotAllowed("The token's header names no algorithm.")
    if "crit" in header:
        raise CriticalHeader("The token's header has 'crit': it demands an extension that is not known here.")
    if kid is not None and not isinstance(kid, str):
        raise MalformedToken("The token's header has a 'kid' that is no string.")
    if typ is not None and not isinstance(typ, str):
        raise MalformedToken("The token's header has a 'typ' that is no string.")
    return algorithm, kid, typ, header
