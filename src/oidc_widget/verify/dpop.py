"""Proof of possession: access tokens that are of use only to the holder of a key (RFC 9449)."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from oidc_widget.errors import InvalidDPoPProof, VerificationError
from oidc_widget.verify.http_uri import same_uri
from oidc_widget.verify.keyring import ASYMMETRIC_ALGORITHMS, PRIVATE_MEMBERS, KeyRing
from oidc_widget.verify.settings import flag, seconds
from oidc_widget.verify.signed import parse, verify_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.verify.settings import Seconds

__all__ = ["DPoP", "DPoPRequest", "ReplayStore"]

_MAX_PROOF_BYTES: Final = 8192
_MAX_JTI: Final = 256
#: How many proofs are remembered at most: some 20 MB, and 1,600 requests a second within a minute.
_MOST_PROOFS: Final = 100_000


class DPoPRequest(NamedTuple):
    """What a request says of who sends it.

    Parameters
    ----------
    method : str
        The HTTP method.
    uris : tuple of str
        The address that was asked for, as this service is known by; query and fragment don't count.
    proofs : tuple of str
        The values of its ``DPoP`` headers.
    scheme : str or None
        The scheme of its ``Authorization`` header; None if the token came another way.
    """

    method: str
    uris: tuple[str, ...]
    proofs: tuple[str, ...]
    scheme: str | None = "DPoP"


class ReplayStore(Protocol):
    """Where proofs that were used are remembered: one for all processes of a service, if it has several."""

    def add(self, key: str, seconds: float) -> bool:
        """Remember a key for so many seconds; tell whether it was new.

        Both in one step, as Redis' ``SET key 1 NX EX seconds`` is.
        """


class _Memory:
    """The proofs that this process has seen. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}  # by the time of their coming, and so of their going
        self._swept = clock()

    def add(self, key: str, seconds: float) -> bool:
        now = self._clock()
        with self._lock:
            if now - self._swept >= 1 or len(self._until) >= _MOST_PROOFS:
                self._swept = now
                self._until = {known: until for known, until in self._until.items() if until > now}
            if len(self._until) >= _MOST_PROOFS:
                raise InvalidDPoPProof("Too many DPoP proofs came in a short time to tell a repeated one.")
            if self._until.get(key, 0.0) > now:
                return False
            self._until[key] = now + seconds
            return True


class DPoP:
    """How DPoP proofs are judged. Give it to :class:`~oidc_widget.verify.TokenVerifier`.

    Without it, proofs are judged all the same where a request brings one, by the defaults here.

    Parameters
    ----------
    required : bool
        Whether each token must be bound to a key (``dpop_bound_access_tokens_required``, RFC 9728 §2).
    window : float or timedelta
        Seconds that a proof may be old. So long is it remembered, and refused the second time.
    replay : ReplayStore, optional
        Where proofs that were used are remembered; this process's memory unless given.
    clock : callable
        Seconds, monotonic.

    Raises
    ------
    ConfigurationError
        If a setting is of no use.
    """

    def __init__(
        self,
        *,
        required: bool = False,
        window: Seconds = 60.0,
        replay: ReplayStore | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.required = flag(required, "required")
        self._window = seconds(window, "window")
        self._replay: ReplayStore = replay if replay is not None else _Memory(clock)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What a proof may be signed with (RFC 9449 §7.1, ``algs``)."""
        return ASYMMETRIC_ALGORITHMS

    def check(
        self,
        claims: Mapping[str, Any],
        token: str,
        request: DPoPRequest | None,
        *,
        now: float,
        leeway: float,
    ) -> None:
        """Check that a token is used by the one whom it was issued to (RFC 9449 §4.3 and §7.1).

        Parameters
        ----------
        claims : mapping
            Its verified claims.
        token : str
            The access token.
        request : DPoPRequest or None
            What it came with; None if nobody can tell.
        now : float
            Seconds since the epoch.
        leeway : float
            Seconds by which clocks may differ.

        Raises
        ------
        InvalidDPoPProof
            If it is bound to a key and the proof is missing or wrong, or if it should be and isn't.
        """
        confirmation = claims.get("cnf")
        bound = confirmation.get("jkt") if isinstance(confirmation, dict) else None
        # §7.2: a bound token must not be taken as a bearer token, and the other way round.
        if bound is None:
            if self.required or (request is not None and (request.scheme or "").lower() == "dpop"):
                raise InvalidDPoPProof("The token is not bound to a key ('cnf' with 'jkt').")
            return
        if request is None or not request.proofs:
            raise InvalidDPoPProof(
                "The token is bound to a key, and nothing proves that its sender holds it.",
                hint="Send it as 'Authorization: DPoP …', with a proof in the header 'DPoP'.",
            )
        if request.scheme is not None and request.scheme.lower() != "dpop":
            raise InvalidDPoPProof("The token is bound to a key, and was sent as one that isn't.")
        if len(request.proofs) != 1:
            raise InvalidDPoPProof("The request brings several DPoP proofs.")
        self._check_proof(request.proofs[0], token, bound, request, now=now, leeway=leeway)

    def _check_proof(  # noqa: PLR0913  (each by name)
        self, proof: str, token: str, bound: object, request: DPoPRequest, *, now: float, leeway: float
    ) -> None:
        claims, thumbprint = _read_proof(proof)
        if not _is_same(thumbprint, bound):
            raise InvalidDPoPProof("The DPoP proof was made with another key than the token is bound to.")
        if claims.get("htm") != request.method:
            raise InvalidDPoPProof("The DPoP proof is for another method ('htm').")
        target = claims.get("htu")
        if not isinstance(target, str) or not any(same_uri(target, uri) for uri in request.uris):
            raise InvalidDPoPProof(
                "The DPoP proof is for another address ('htu').",
                hint="Behind a proxy, give the protection its public address: resource=.",
            )
        if not _is_same(_hash(token), claims.get("ath")):
            raise InvalidDPoPProof("The DPoP proof is for another access token ('ath').")
        made = claims.get("iat")
        if isinstance(made, bool) or not isinstance(made, (int, float)):
            raise InvalidDPoPProof("The DPoP proof does not say when it was made ('iat').")
        if not now - self._window - leeway <= made <= now + leeway:
            raise InvalidDPoPProof(
                "The DPoP proof is not of now ('iat').",
                hint="Make one for each request, and check the clock.",
            )
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
            raise InvalidDPoPProof("The DPoP proof has no identifier ('jti').")
        # As long as its `iat` may be accepted, counted from the latest that it may be.
        if not self._replay.add(_hash(f"{thumbprint} {jti}"), self._window + 2 * leeway + 1):
            raise InvalidDPoPProof("The DPoP proof was used before.")


def _read_proof(proof: str) -> tuple[Mapping[str, Any], str]:
    """Return a proof's claims and its key's thumbprint (RFC 7638), its signature being right."""
    try:
        parsed = parse(proof, max_bytes=_MAX_PROOF_BYTES)
        jwk = parsed.header.get("jwk")
        # By the key's own rules (its size, its `alg`, its `use`); a shared secret is no key here.
        given: dict[str, Any] = jwk if isinstance(jwk, dict) else {}
        ring = KeyRing.from_jwks({"keys": [{**given, "kid": None}]})
        keys = ring.find(parsed.algorithm, None)
        verify_signature(parsed._replace(kid=None), keys)
    except VerificationError as error:
        raise InvalidDPoPProof(f"The DPoP proof is not acceptable ({error.code}).") from error
    if (parsed.typ or "").lower().removeprefix("application/") != "dpop+jwt":
        raise InvalidDPoPProof("What came as a DPoP proof is none ('typ').")
    if PRIVATE_MEMBERS & given.keys():
        raise InvalidDPoPProof("The DPoP proof holds a private key, which is none any more.")
    return parsed.claims, keys[0].thumbprint()


def _hash(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _is_same(expected: str, given: object) -> bool:
    return isinstance(given, str) and hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
