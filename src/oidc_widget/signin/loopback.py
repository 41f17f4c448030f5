"""Signing in with the system's browser, whose answer comes to this machine (RFC 8252 §7.3).

It differs from a sign-in by hand only by who brings the answer.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.errors import SignInError
from oidc_widget.message_page import MessagePage
from oidc_widget.oauth import clock
from oidc_widget.oauth.callback_address import own_address
from oidc_widget.signin.local_listener import LocalListener
from oidc_widget.signin.nobody import in_ci, nobody_here
from oidc_widget.signin.pasted_redirect import PastedRedirect
from oidc_widget.signin.threads import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.oauth.provider import Provider

__all__ = ["FIRST_SILENCE", "SILENCE", "LoopbackRedirect", "begin", "open_browser"]

#: Seconds without an answer after which another way is shown too; the listener goes on listening.
SILENCE = 60.0
#: Seconds after which the provider is asked whether it refuses the redirect address.
FIRST_SILENCE = 3.0
#: Seconds within which a page on this machine has reached a listener: a click is to do something within 2 s.
_REACH = 1.0

_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
_SSH = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")

# It takes the code, which is used up by now, out of the address bar.
_SCRUB = "history.replaceState(null,'',location.pathname)"
_DONE = MessagePage(
    ("The answer has arrived.", "You can close this, and go back to where you started."), _SCRUB, beside=True
)
_REFUSED = MessagePage(
    ("The sign-in came to nothing.", "Where you started it says why. You can close this."),
    _SCRUB,
    beside=True,
)
_NOT_OURS = MessagePage(
    ("This is not the answer that is waited for.", "Go back to where you started, and start again."),
    _SCRUB,
    beside=True,
)


def begin(
    provider: Provider,
    request: Mapping[str, Any],
    answered: Callable[[PastedRedirect], object],
    *,
    asked_for: bool,
    probe: Callable[[str], object] | None,
) -> LoopbackRedirect:
    """Begin to listen, where the browser of this machine is the person's own.

    Parameters
    ----------
    provider, request, answered
        As in :class:`LoopbackRedirect`.
    asked_for : bool
        Whether the person asked for this flow by its name.
    probe : callable, optional
        Has the page that was clicked in ask for an address; without one, a terminal must show that there is a
        person.

    Raises
    ------
    SignInError
        It is not, or that isn't sure, or nothing can listen.
    ConfigurationError
        The redirect address is a callback of ours that is not this issuer's own.
    """
    why = _hindrance(asked_for=asked_for, terminal=not asked_for and probe is None)
    if why is None and not asked_for and probe is not None and not _is_here(probe):
        why = "the page does not reach the machine that this runs on"
    if why is not None:
        raise SignInError(f"The browser is not opened, since {why}.", code="authorization_failed")
    return LoopbackRedirect(provider, request, answered)


def _hindrance(*, asked_for: bool, terminal: bool) -> str | None:
    """Return why no browser can be opened for a person here, as part of a sentence; ``None``: one can."""
    why = nobody_here() or ("this is a CI job" if in_ci() else None)
    if why is not None:
        return why
    if any(name.startswith("JUPYTERHUB_") for name in os.environ):
        return "this runs under a JupyterHub, whose browsers are elsewhere"
    # Who asks by name may have a screen all the same.
    if not asked_for and any(os.environ.get(name) for name in _SSH):
        return "this is a session over SSH"
    if terminal and not (_is_terminal(sys.stdin) and _is_terminal(sys.stdout)):
        return "there is no terminal"
    screen = sys.platform in {"win32", "darwin"} or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    return None if screen else "there is no display"


def _is_terminal(stream: Any) -> bool:
    return stream is not None and not stream.closed and bool(stream.isatty())


class LoopbackRedirect(PastedRedirect):
    """One sign-in whose answer comes to a listener of its own; to be closed.

    Parameters
    ----------
    provider, request
        As in :class:`PastedRedirect`. A ``redirect_uri`` of this machine is used as it is; without a port in
        it, any port is taken, as RFC 8252 §7.3 has providers accept.
    answered : callable
        Called with this object in a thread of the listener's, once the answer is there.

    Raises
    ------
    SignInError
        The redirect address is not on this machine, or its port is taken.
    ConfigurationError
        It is a callback of ours that is not this issuer's own.
    """

    asks = False

    def __init__(
        self, provider: Provider, request: Mapping[str, Any], answered: Callable[[PastedRedirect], object]
    ) -> None:
        self._tell = answered
        self._taking = threading.Lock()
        #: What to register: the port is chosen anew each time.
        self.registered = request.get("redirect_uri") or own_address("http://127.0.0.1", provider.issuer)
        host, port, path = _parts(self.registered)
        with self._taking:  # what comes before all is ready waits
            try:
                self._listener = LocalListener(host, port, path, self._take)
            except OSError as cause:
                raise SignInError(
                    f"Nothing can listen at {self.registered} ({cause.strerror or cause}).",
                    code="authorization_failed",
                    hint="End what uses the port, or register an address without one.",
                ) from cause
            try:
                super().__init__(provider, {**request, "redirect_uri": self._listener.address})
            except BaseException:
                self._listener.close()
                raise

    def _take(self, query: str) -> MessagePage:
        """Take the one answer; whatever else comes is told apart from it, and changes nothing."""
        with self._taking:
            if self.answered:
                return _NOT_OURS
            try:
                self.accept(f"{self.redirect_uri}?{query}")
            except SignInError:
                return _NOT_OURS  # another sign-in's, or nobody's: the right one may still come
        self._tell(self)
        return _REFUSED if self.refused else _DONE

    def refusal(self, request: Mapping[str, Any], label: str | None) -> str | None:
        """Ask the provider what it has against the redirect address, whose page would send nobody back."""
        from oidc_widget.diagnosis.refusal_page import explain_refusal  # noqa: PLC0415  # seldom needed

        problem = explain_refusal({**request, "redirect_uri": self.redirect_uri}, label=label)
        # The port is of no account: another one is taken each time.
        return None if problem is None else problem["message"].replace(self.redirect_uri, self.registered)

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()


def _parts(address: str) -> tuple[str, int, str]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host not in _HOSTS or parts.scheme != "http" or parts.query or parts.fragment:
        raise SignInError(
            f"The redirect address {address} is not one that this machine can listen at.",
            code="redirect_uri_mismatch",
            hint="For this flow register http://127.0.0.1/… with a path, or leave redirect_uri out.",
        )
    return f"[{host}]" if ":" in host else host, port or 0, parts.path or "/"


def open_browser(url: str, failed: Callable[[], object]) -> None:
    """Open the system's browser; some commands return only when it is closed, so nobody waits for that."""

    def run() -> None:
        try:
            opened = webbrowser.open(url)
        except (OSError, webbrowser.Error):
            opened = False
        if not opened:
            failed()

    threading.Thread(target=run, name="oidc-widget-browser", daemon=True).start()


def _is_here(probe: Callable[[str], object]) -> bool:
    """Whether a page is on this machine: it reaches a secret address on the loopback interface."""
    news, reached = threading.Condition(), []

    def take(_query: str) -> None:
        with news:
            reached.append(True)
            news.notify_all()

    try:
        listener = LocalListener("127.0.0.1", 0, f"/{secrets.token_urlsafe(32)}", take)
    except OSError:
        return False
    try:
        probe(listener.address)
        return wait_for(news, lambda: reached, clock.now() + _REACH)
    finally:
        listener.close()
