"""``oidc-widget demo``: start all three parts, say where they are, and stop them when asked to."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import webbrowser
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from oidc_widget.demo.api import create_api
from oidc_widget.demo.jupyter import JupyterLab, free_port, require_free_port
from oidc_widget.demo.loopback import LoopbackServer
from oidc_widget.demo.provider import create_provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Ctrl-C, ``kill``, and closing the terminal (which Windows has not).
_STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def run(*, port: int | None, open_browser: bool, token_lifetime: int) -> int:
    """Run the demo until somebody stops it.

    Parameters
    ----------
    port : int or None
        The port of JupyterLab; a free one when None.
    open_browser : bool
        Whether to open the notebook in the person's browser.
    token_lifetime : int
        How long access tokens are good for, in seconds.

    Raises
    ------
    DemoStartError
        When the port is taken, or JupyterLab can't be started or ends by itself.
    """
    stop = threading.Event()
    with _stopped_by_signals(stop) as on_second_signal:
        if port is not None:
            require_free_port(port)
        with (
            tempfile.TemporaryDirectory(prefix="oidc-widget-demo-", ignore_cleanup_errors=True) as directory,
            LoopbackServer() as provider,
            LoopbackServer() as api,
        ):
            provider.serve(create_provider(provider.url, resources=[api.url], token_lifetime=token_lifetime))
            api.serve(create_api(issuer=provider.url, audience=api.url))
            _say(f"Provider: {provider.url} (Alice Adams and Bob Brown, no passwords)")
            _say(f"Demo API: {api.url}/me")
            lab = JupyterLab(
                Path(directory),
                port or free_port(),
                {"OIDC_DEMO_AUTHORITY": provider.url, "OIDC_DEMO_API": api.url},
            )
            on_second_signal(lab.kill)
            _say("Starting JupyterLab …")
            try:
                _attend(lab, stop, open_browser=open_browser)
            finally:
                _say("\nStopping …")
                lab.stop()
    _say("Stopped.")
    return 0


def _attend(lab: JupyterLab, stop: threading.Event, *, open_browser: bool) -> None:
    """Say when JupyterLab is ready, and return when the demo is to be stopped."""
    if not lab.wait_until_ready(stop):
        return
    _say(f"JupyterLab: {lab.url}")
    _say("Press Ctrl-C to stop. What you change in the notebook is gone then.")
    if open_browser:
        # In a thread: where there is no desktop, it may be a browser in this very terminal, which blocks.
        threading.Thread(target=webbrowser.open, args=(lab.url,), daemon=True).start()
    while not stop.wait(1):
        if not lab.running:
            raise lab.failure("JupyterLab has ended by itself.")


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Set an event at the first signal; the second one means "at once" and calls what was registered."""
    at_once: list[Callable[[], None]] = []

    def handle(_number: int, _frame: object) -> None:
        if stop.is_set():
            for call in at_once:
                call()
        stop.set()

    before = {number: signal.signal(number, handle) for number in _STOP_SIGNALS}
    try:
        yield at_once.append
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    with suppress(OSError):  # the terminal may be gone, and there is still something to stop
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()  # whoever reads it through a pipe waits for these lines
