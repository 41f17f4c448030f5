"""What a browser may ask the relay to pass on: token and revocation requests, and nothing more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from .refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from .providers import ConfiguredProvider

__all__ = ["MAX_BODY", "Form", "read_form", "revocation_request", "token_request"]

#: Bytes. Codes and refresh tokens of some providers are JWTs of several kilobytes.
MAX_BODY = 64 * 1024

_FORM = "application/x-www-form-urlencoded"
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1
_MAX_FIELDS = 32

# By grant type: what must be there, and what may (RFC 6749 §4.1.3 and §6, RFC 7636 §4.5, RFC 8707 §2.2).
_GRANTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "authorization_code": (
        frozenset({"code", "redirect_uri", "code_verifier"}),
        frozenset({"resource", "audience"}),
    ),
    "refresh_token": (frozenset({"refresh_token"}), frozenset({"scope", "resource", "audience"})),
}

Form = dict[str, list[str]]


def read_form(content_type: str, body: bytes) -> Form:
    """Read a form.

    Parameters
    ----------
    content_type : str
        The request's ``Content-Type``.
    body : bytes
        The request's body.

    Raises
    ------
    Refusal
        It is no form.
    """
    if content_type.partition(";")[0].strip().lower() != _FORM:
        raise Refusal(415, "invalid_request", f"The body must be {_FORM}.")
    form: Form = {}
    try:
        for name, value in parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        ):
            form.setdefault(name, []).append(value)
    except ValueError:
        # Without the cause, which quotes the body.
        raise Refusal(400, "invalid_request", "The body can't be read as a form.") from None
    return form


def token_request(form: Form, provider: ConfiguredProvider, is_callback: Callable[[str], bool]) -> Form:
    """Check a token request.

    Parameters
    ----------
    form : dict
        The parameters that came.
    provider : ConfiguredProvider
        Where they are to go.
    is_callback : callable
        Tells whether an address is the redirect address of providers that have none of their own.

    Raises
    ------
    Refusal
        Something is missing, repeated, or not for the relay to pass on.
    """
    grant = form.get("grant_type", [""])[0]
    if grant not in _GRANTS:
        raise Refusal(
            400, "unsupported_grant_type", f"The relay knows these grant types: {', '.join(_GRANTS)}."
        )
    required, optional = _GRANTS[grant]
    passed = _checked(form, provider, required | {"grant_type"}, optional)
    for address in passed.get("redirect_uri", ()):
        # A code that came elsewhere may be another provider's (RFC 9700 §4.4.2.2), or another person's.
        if not (address == provider.redirect_uri if provider.redirect_uri else is_callback(address)):
            raise Refusal(
                400,
                "invalid_request",
                f"The redirect_uri is not the one that {provider.name!r} is configured with; "
                "leave redirect_uri out of the widget, or have it configured.",
            )
    verifier = passed.get("code_verifier", [None])[0]
    if verifier is not None and not _VERIFIER.fullmatch(verifier):
        raise Refusal(400, "invalid_request", "The code_verifier is not as RFC 7636 asks for.")
    return passed


def revocation_request(form: Form, provider: ConfiguredProvider, _: Callable[[str], bool]) -> Form:
    """Check a request to revoke a ``refresh_token``, and write it as RFC 7009 §2.1 does.

    Here the parameter can't be named ``token``: Jupyter Server and JupyterHub take that for a token
    of their own, wherever it is in a request, and would even send it to the Hub.

    Raises
    ------
    Refusal
        Something is missing, repeated, or not for the relay to pass on.
    """
    passed = _checked(form, provider, frozenset({"refresh_token"}), frozenset())
    return {"token": passed["refresh_token"], "token_type_hint": ["refresh_token"]}


def _checked(
    form: Form, provider: ConfiguredProvider, required: frozenset[str], optional: frozenset[str]
) -> Form:
    # A public client's library names the client in each request; it may not name another one.
    named = form.get("client_id", [provider.client_id])
    if named != [provider.client_id]:
        raise Refusal(400, "invalid_request", "The client_id is not that of this provider's configuration.")
    passed = {name: values for name, values in form.items() if name != "client_id"}
    for name in sorted(required):
        if not passed.get(name, [""])[0]:
            raise Refusal(400, "invalid_request", f"The parameter {name} is missing.")
    for name, values in passed.items():
        if name not in required | optional:
            # Not quoted: it could be anything.
            raise Refusal(400, "invalid_request", "There is a parameter that the relay doesn't pass on.")
        if len(values) > 1 and name != "resource":
            raise Refusal(400, "invalid_request", f"The parameter {name} is repeated.")
    return passed
