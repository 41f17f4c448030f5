"""Which issuers are accepted, and where the keys of each are (RFC 8725 §3.8)."""

from __future__ import annotations

import functools
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from oidc_widget.errors import ConfigurationError, InvalidClaim, MissingClaim, WrongIssuer
from oidc_widget.verify.keyring import HMAC_ALGORITHMS, KeyRing
from oidc_widget.verify.keys import OfflineSource, RemoteKeys
from oidc_widget.verify.settings import Names, names
from oidc_widget.verify.signed import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from joserfc.jwk import Key

    from oidc_widget.verify.keyring import OfflineKeys
    from oidc_widget.verify.keys import KeySource

__all__ = ["IssuerNames", "Issuers", "is_key_of"]

#: One issuer, several, templates of them (``https://login.example.com/{tenant}``), or a function that tells
#: whether one is accepted.
IssuerNames: TypeAlias = "Names | Callable[[str], bool]"

#: Google writes its issuer without the scheme in some tokens (OpenID Connect Core §15.6.2 allows it that).
_OTHER_SPELLINGS: Final = {"https://accounts.google.com": "accounts.google.com"}
#: What a placeholder is called in the token itself: the two must agree.
_CLAIMS: Final = {"tenantid": "tid"}
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_]\w*)\}")
#: How many issuers of a template or a function have keys at hand. Those used least go first.
_MOST: Final = 128


class Issuers:
    """The issuers of one verifier.

    Parameters
    ----------
    issuer : str, collection of str or callable
        See :data:`IssuerNames`.
    keys : offline keys, or a mapping from issuers to them, optional
        See :meth:`KeyRing.from_offline`.
    jwks_uri : str, or mapping from issuers to str, optional
        Where the keys are, for an issuer without discovery.
    algorithms : frozenset of str or None
        The algorithms that the caller named: offline keys must serve one of them.
    symmetric : bool
        Whether shared secrets count among offline keys.
    remote : callable
        Makes the source of an issuer's published keys, from its name and its ``jwks_uri``.

    Raises
    ------
    ConfigurationError
        If an issuer is left without usable keys, or there is none.
    """

    def __init__(  # noqa: PLR0913  (each by name)
        self,
        issuer: IssuerNames,
        *,
        keys: OfflineKeys | Mapping[str, OfflineKeys] | None = None,
        jwks_uri: str | Mapping[str, str] | None = None,
        algorithms: frozenset[str] | None = None,
        symmetric: bool = False,
        remote: Callable[[str, str | None], RemoteKeys] = lambda name, uri: RemoteKeys(name, jwks_uri=uri),
    ) -> None:
        self._accepts = issuer if callable(issuer) else None
        self.names = () if callable(issuer) else names(issuer, "issuer")
        if not self.names and self._accepts is None:
            raise ConfigurationError("A verifier needs an issuer.")
        self._remote = remote
        self._lock = threading.Lock()
        self._discovered: OrderedDict[str, KeySource] = OrderedDict()
        shared: dict[str, RemoteKeys] = {}

        def source_at(name: str, uri: str | None) -> RemoteKeys:
            # Two names of one issuer (seen from inside and from outside) share what they fetch.
            return shared.setdefault(uri or name, remote(name, uri))

        offline = None if keys is None else self._offline(keys, algorithms, symmetric=symmetric)
        uris = {} if jwks_uri is None or keys is not None else self._uris(jwks_uri)
        #: Keys that serve whatever a template or a function accepts.
        self._common: dict[str, KeySource] = {}
        self._exact: dict[str, KeySource] = {}
        for name in self.names or ("",):
            if offline is not None:
                source: KeySource = offline[name]
            elif name in uris or (name and not _PLACEHOLDER.search(name)):
                source = source_at(_canonical(name), uris.get(name))
            else:
                if name:
                    remote(_PLACEHOLDER.sub("any", name), None)  # is its address one that may be asked?
                continue  # where its keys are is found once a token names it
            (self._common if not name or "{" in name else self._exact)[name] = source
        for spellings in _OTHER_SPELLINGS.items():
            for known in [self._exact[name] for name in spellings if name in self._exact][:1]:
                for name in spellings:
                    self._exact.setdefault(name, known)
        self._templates = {name: _pattern(name) for name in self.names if "{" in name or "}" in name}

    @property
    def urls(self) -> tuple[str, ...]:
        """Those that are known by name, as an address."""
        return tuple(dict.fromkeys(_canonical(name) for name in self._exact if "://" in _canonical(name)))

    @property
    def sources(self) -> tuple[KeySource, ...]:
        """Where the keys are that are known before any token comes."""
        return tuple(
            {id(source): source for source in (*self._exact.values(), *self._common.values())}.values()
        )

    def check(self, claims: Mapping[str, Any]) -> str | None:
        """Check that a token's issuer is accepted.

        Parameters
        ----------
        claims : mapping
            The token's claims, not yet believed.

        Returns
        -------
        str or None
            The template that it fits, an empty text for a function's, None for one known by name.

        Raises
        ------
        MissingClaim, InvalidClaim, WrongIssuer
            If it is not.
        """
        issuer = claims.get("iss")
        if issuer is None:
            raise MissingClaim("The token lacks the claim 'iss'.", claim="iss")
        if not isinstance(issuer, str):
            raise InvalidClaim("The token's 'iss' is no string.", claim="iss")
        if issuer in self._exact:
            return None
        family = self._family(issuer, claims)
        if family is None:
            wanted = f", not from {' or '.join(map(quote, self.names))}" if self.names else ""
            raise WrongIssuer(f"The token comes from {quote(issuer)}{wanted}.", claim="iss")
        return family

    def source(self, claims: Mapping[str, Any]) -> KeySource:
        """Return where the keys of a token's issuer are, if it is accepted; see :meth:`check`."""
        family = self.check(claims)
        issuer: str = claims["iss"]
        if family is None:
            return self._exact[issuer]
        common = self._common.get(family)
        return common if common is not None else self._discover(issuer)

    def _family(self, issuer: str, claims: Mapping[str, Any]) -> str | None:
        """Return the template that an issuer fits, or an empty text for the function's; None for neither."""
        for name, pattern in self._templates.items():
            found = pattern.fullmatch(issuer)
            if found is not None and all(
                claims.get(_CLAIMS.get(placeholder, placeholder), value) == value
                for placeholder, value in found.groupdict().items()
            ):
                return name
        return "" if self._accepts is not None and self._accepts(issuer) is True else None

    def _discover(self, issuer: str) -> KeySource:
        with self._lock:
            source = self._discovered.get(issuer)
            if source is None:
                try:
                    source = self._discovered[issuer] = self._remote(issuer, None)
                except ConfigurationError as error:  # the token's word, not the configuration's
                    raise WrongIssuer(error.message, claim="iss") from error
            self._discovered.move_to_end(issuer)
            while len(self._discovered) > _MOST:
                self._discovered.popitem(last=False)
            return source

    def _offline(
        self,
        keys: OfflineKeys | Mapping[str, OfflineKeys],
        algorithms: frozenset[str] | None,
        *,
        symmetric: bool,
    ) -> dict[str, KeySource]:
        own = self.names or ("",)
        by_issuer: Mapping[str, Any]
        if len(own) == 1 and not (isinstance(keys, Mapping) and own[0] in keys):
            by_issuer = {own[0]: keys}
        elif isinstance(keys, Mapping) and set(keys) == set(own):
            by_issuer = keys
        else:
            raise ConfigurationError("With several issuers, keys must map each of them to its own.")
        rings = {name: KeyRing.from_offline(given, symmetric=symmetric) for name, given in by_issuer.items()}
        for ring in rings.values():
            if symmetric and not ring.algorithms <= set(HMAC_ALGORITHMS):
                raise ConfigurationError(
                    "The keys mix a shared secret with public ones. HMAC takes secrets and nothing else.",
                    code="unusable_keys",
                )
            if algorithms is not None and not ring.algorithms & algorithms:
                raise ConfigurationError(
                    f"None of the keys given is for {' or '.join(sorted(algorithms))}.",
                    code="unusable_keys",
                    hint="A secret for HS256, HS384 or HS512 needs 32, 48 or 64 bytes (RFC 7518 §3.2).",
                )
        return {name: OfflineSource(ring) for name, ring in rings.items()}

    def _uris(self, jwks_uri: str | Mapping[str, str]) -> Mapping[str, str]:
        own = self.names or ("",)
        if not isinstance(jwks_uri, Mapping):
            if len(own) > 1:
                raise ConfigurationError(
                    "A jwks_uri is one issuer's; there are several.",
                    hint="Map each issuer to its own: jwks_uri={issuer: address, …}.",
                )
            return {own[0]: jwks_uri}
        if strangers := set(jwks_uri) - set(own):
            raise ConfigurationError(f"A jwks_uri is for {min(strangers)!r}, which is no issuer here.")
        return jwks_uri


def is_key_of(key: Key, issuer: str) -> bool:
    """Tell whether a published key is one for an issuer: Entra says so in the key, where tenants share a set.

    Parameters
    ----------
    key : joserfc.jwk.Key
        The key.
    issuer : str
        The token's ``iss``.
    """
    named = key.get("issuer")
    if named is None or named == issuer:
        return True
    try:
        return isinstance(named, str) and _pattern(named).fullmatch(issuer) is not None
    except ConfigurationError:  # what was published is no template, so it is a key for nobody here
        return False


def _canonical(name: str) -> str:
    return next((url for url, other in _OTHER_SPELLINGS.items() if name == other), name)


@functools.lru_cache(maxsize=256)
def _pattern(template: str) -> re.Pattern[str]:
    """Read a template: each placeholder stands for one label of a host or part of a path, without dots."""
    pieces = _PLACEHOLDER.split(template)
    literal, placeholders = pieces[::2], pieces[1::2]
    if "{" in "".join(literal) or "}" in "".join(literal) or len(set(placeholders)) != len(placeholders):
        raise ConfigurationError(f"{template!r} is no template of an issuer.", hint="Write {name} once each.")
    parts = [re.escape(literal[0])]
    for placeholder, text in zip(placeholders, literal[1:], strict=True):
        parts.append(rf"(?P<{placeholder}>[A-Za-z0-9][A-Za-z0-9_-]*)")
        parts.append(re.escape(text))
    return re.compile("".join(parts), re.ASCII)
