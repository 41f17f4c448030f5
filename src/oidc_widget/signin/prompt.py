"""What a person is told, and asked, who sees no widget: in a terminal, or below a cell."""

from __future__ import annotations

import contextlib
import getpass
import io
import math
import sys
import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from oidc_widget.errors import SignInError
from oidc_widget.oauth import clock
from oidc_widget.signin.control_channel import running_kernel
from oidc_widget.signin.pasted_redirect import FIELD, nobody_to_ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from oidc_widget.oauth.device_authorization import DeviceAuthorization
    from oidc_widget.signin.pasted_redirect import PastedRedirect

__all__ = ["Prompt", "ask", "device_fields", "device_text", "loopback_text", "paste_fields", "paste_text"]


class Prompt:
    """The texts of one sign-in, said where the code ran that made this object; from any thread.

    In a notebook what was shown gives way to the last word: a link to sign in by hand holds ``state`` and
    ``nonce``, which do not belong in a file. In a terminal the texts follow each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._display_id: str | None = None
        self._heading = ""
        self._over = False
        self.move()

    def move(self) -> None:
        """Say what comes next where the caller runs."""
        kernel = running_kernel()
        # Kept, because what a thread publishes later would belong to whatever the kernel does then.
        self._parent = None if kernel is None else kernel.get_parent("shell")

    def show(self, text: str, heading: str) -> None:
        """Say what to do; the heading is what stays of it."""
        with self._lock:
            if self._over:
                return
            if running_kernel() is None:
                _print(text)
                return
            if self._display_id is not None:
                self._publish("update_display_data", text)
            self._display_id = self._display_id or uuid4().hex
            self._heading = heading
            self._publish("display_data", text)

    def close(self, text: str) -> None:
        """Say the last word in place of what was shown, if anything was; whoever started it knows already."""
        with self._lock:
            self._over = True
            if self._display_id is not None:
                self._publish("update_display_data", text)

    def end(self, text: str) -> None:
        """Say the last word to whoever started it."""
        with self._lock:
            self._over = True
            if running_kernel() is None:
                _print(text)
                return
            if self._display_id is not None:
                self._publish("update_display_data", self._heading)
            # An output of its own: not every frontend (Jupyter Console) replaces what it has shown.
            self._display_id = None
            self._publish("display_data", text)

    def _publish(self, kind: str, text: str) -> None:
        kernel = running_kernel()
        if kernel is None or kernel.session is None:
            return
        transient = {} if self._display_id is None else {"display_id": self._display_id}
        content: dict[str, Any] = {"data": {"text/plain": text}, "metadata": {}, "transient": transient}
        kernel.session.send(kernel.iopub_socket, kind, content, parent=self._parent, ident=b"display_data")


def _print(text: str, end: str = "\n") -> None:
    with contextlib.suppress(OSError, ValueError):  # a terminal that is gone takes no token with it
        print(text, end=end, flush=True)  # noqa: T201  # for a person at a terminal


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


def loopback_text(pasted: PastedRedirect, name: str) -> str:
    """Return what is printed when the system's browser was opened."""
    return (
        f"Sign in to {name} in the browser window that opens; if none does, open this page on this machine:"
        f"\n\n    {pasted.url}\n"
    )


def paste_fields(pasted: PastedRedirect) -> dict[str, Any]:
    """Return what the widget shows of a sign-in by hand."""
    return {"authorization_url": pasted.url, "redirect_uri": pasted.redirect_uri}


def paste_text(pasted: PastedRedirect, name: str) -> str:
    """Return what is printed of a sign-in by hand."""
    return (
        f"To sign in to {name}, open this link in a browser:\n\n    {pasted.url}\n\n"
        f"After the sign-in you land on {pasted.redirect_uri}?…, where no page need be.\n"
        f'Copy the whole of that address ("{FIELD}"), and hand it in: w.paste("http…")\n'
    )


def _address(authorization: DeviceAuthorization) -> str:
    return authorization.verification_uri_complete or authorization.verification_uri


def _terminal_picture(text: str) -> str:
    import segno  # noqa: PLC0415  # only where a code is shown

    out = io.StringIO()
    segno.make(text, micro=False).terminal(out, border=2, compact=True)
    return out.getvalue()


def ask(accept: Callable[[str], None], wanted: Callable[[], bool], deadline: float) -> None:
    """Ask for the address in this terminal, until one is good or none is wanted any more.

    Parameters
    ----------
    accept : callable
        Takes an address, or raises a ``SignInError``.
    wanted : callable
        Tells whether an address is still needed.
    deadline : float
        When to stop, as a time of :func:`oidc_widget.oauth.clock.now`; ``inf``: never.

    Raises
    ------
    SignInError
        If nobody can be asked, because there is no terminal, or a kernel's cell has a deadline.
    """
    while wanted():
        address = _answer(deadline)
        if address is None or not wanted() or _accepted(accept, address):
            return


def _accepted(accept: Callable[[str], None], address: str) -> bool:
    try:
        accept(address)
    except SignInError as error:
        _print(f"{error}")
        return False
    return True


def _answer(deadline: float) -> str | None:
    try:
        if running_kernel() is not None:
            if deadline < math.inf:
                raise nobody_to_ask()  # a question to the frontend can't be taken back
            # A kernel asks its frontend; where that can't answer, it raises NotImplementedError. The address
            # holds a code: what is typed into a password field is not written into the notebook.
            return getpass.getpass(f"{FIELD}: ")
        if sys.stdin is not None and sys.stdin.isatty():
            return input(f"{FIELD}: ") if deadline == math.inf else _typed(deadline)
    except (EOFError, NotImplementedError):
        pass
    raise SignInError(
        "Nobody can be asked for the address here: there is no terminal.",
        code="no_terminal",
        hint="Hand it in with w.paste(address).",
    )


def _typed(deadline: float) -> str | None:
    """Ask in a terminal for a while; no thread stays behind that would take a later line away."""
    _print(f"{FIELD}: ", end="")
    if not _is_typed(deadline):
        _print("")
        return None
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


if sys.platform == "win32":
    import msvcrt

    def _is_typed(deadline: float) -> bool:
        """Wait for the first key: who has begun to type is let finish."""
        while not msvcrt.kbhit():
            if clock.now() > deadline:
                return False
            time.sleep(0.1)
        return True

else:
    import select

    def _is_typed(deadline: float) -> bool:
        """Wait for a line."""
        return bool(select.select([sys.stdin], [], [], max(0.0, deadline - clock.now()))[0])
