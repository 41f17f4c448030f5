"""What a person is shown of a sign-in that goes on elsewhere: in the widget, and where there is none."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from oidc_widget.signin.pasted_redirect import FIELD

if TYPE_CHECKING:
    from oidc_widget.oauth.device_authorization import DeviceAuthorization
    from oidc_widget.signin.pasted_redirect import PasteBack

__all__ = ["device_fields", "device_text", "paste_fields", "paste_text"]


def device_fields(authorization: DeviceAuthorization) -> dict[str, Any]:
    """Return what the widget shows (RFC 8628 §3.2 and §3.3.1)."""
    import segno  # noqa: PLC0415  # only where a code is shown

    out = io.BytesIO()
    segno.make(_address(authorization), micro=False).save(
        out, kind="svg", border=2, light="#fff", omitsize=True, xmldecl=False, nl=False
    )
    return {
        "user_code": authorization.user_code,
        "verification_uri": authorization.verification_uri,
        "verification_uri_complete": authorization.verification_uri_complete,
        "qr_svg": out.getvalue().decode(),
    }


def device_text(authorization: DeviceAuthorization, name: str) -> str:
    """Return what is printed where there is no widget; with a QR code in a terminal."""
    lines = [
        f"To sign in to {name}, open this page in any browser, on any device:",
        "",
        f"    {authorization.verification_uri}",
        "",
        f"and enter the code  {authorization.user_code}",
    ]
    if authorization.verification_uri_complete:
        lines += ["", "or open this one, which knows the code:", "", f"    {_address(authorization)}"]
    if sys.stdout is not None and sys.stdout.isatty():
        lines += ["", _terminal_picture(_address(authorization))]
    return "\n".join([*lines, ""])


def paste_fields(paste_back: PasteBack) -> dict[str, Any]:
    """Return what the widget shows of a sign-in by hand."""
    return {"authorization_url": paste_back.url, "redirect_uri": paste_back.redirect_uri}


def paste_text(paste_back: PasteBack, name: str) -> str:
    """Return what is printed of a sign-in by hand."""
    return (
        f"To sign in to {name}, open this link in a browser:\n\n    {paste_back.url}\n\n"
        f"After the sign-in you land on {paste_back.redirect_uri}?…, where no page need be.\n"
        f'Copy the whole of that address ("{FIELD}"), and hand it in: w.paste("http…")\n'
    )


def _address(authorization: DeviceAuthorization) -> str:
    return authorization.verification_uri_complete or authorization.verification_uri


def _terminal_picture(text: str) -> str:
    import segno  # noqa: PLC0415  # only where a code is shown

    out = io.StringIO()
    segno.make(text, micro=False).terminal(out, border=2, compact=True)
    return out.getvalue()
