"""A day's work in an hour: three tabs, four notebooks each, tokens of one second, and all that can go wrong.

The provider rotates refresh tokens and ends a sign-in whose refresh token comes twice (RFC 9700 §4.14.2). So:
no `invalid_grant`; each kernel is served or told the truth; the memory of vault, server and kernels is flat.

>>> python ui-tests/soak.py 300        # seconds; an hour, if not given
"""

# ruff: noqa: T201  (figures for a terminal)
from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from jupyter_client import BlockingKernelClient
from playwright.sync_api import expect, sync_playwright

import chromium
from jupyter_process import JupyterServer
from lab import Lab
from login_form import LoginForm
from oidc_widget.oauth.callback_address import own_address
from providers.oidc_provider import OidcProvider
from shared_workers import end_shared_workers, shared_workers
from signing_in import login_cell, open_popup

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, BrowserContext

    from notebook_page import Notebook

HOUR = 3600
TABS, NOTEBOOKS = 3, 4
#: Seconds that tokens live.
LIFETIME = 1
#: Seconds of quiet work between two faults, at most.
QUIET = 20
#: Seconds after which everybody must be served again, or the soak has failed: others may use the machine.
PATIENCE = 120
#: Seconds after which a cell that a kernel knows nothing of is run again.
LOST = 30
#: Seconds after which who is still asked to sign in does so.
BY_ITSELF = 8
#: Megabytes that each may have grown by while it was not started anew. What a page does not fetch in time,
#: waits in the server.
FLAT = {"vault": 2, "server": 20, "kernels": 10}
#: Jupyter's server remembers the signatures of the last 65,536 messages, 132 bytes each, of each kernel for
#: each that listens to it: 200 MB for twelve kernels, before it forgets the first. Here it forgets sooner.
SHORT_MEMORY = {"Session": {"digest_history_size": 256}}
#: Refreshes that an hour must have.
REFRESHES = 1000
PID = "import os; print(os.getpid())"
#: Each kernel writes where its threads are when it is asked to.
STACKS = """
import faulthandler, os, signal
_stacks = open(f"stacks-{os.getpid()}.txt", "w")
faulthandler.register(signal.SIGUSR1, _stacks)
"""
#: What a kernel says of itself: the status before and after it looks for its token, and why there is none.
ASK = """
status, token, code = w.status, w.access_token, w.error and w.error.code
print(__import__('json').dumps([status, token is not None, code, w.status]))
"""

#: How many messages of which vault it has heard.
HEARD = "print(w._sign_in._seen)"


class Soak:
    """The tabs, their notebooks, and what was counted."""

    def __init__(
        self, browser: Browser, context: BrowserContext, server: JupyterServer, provider: OidcProvider
    ) -> None:
        self.browser = browser
        self.server = server
        self.provider = provider
        self.labs = [Lab(context.new_page(), server) for _ in range(TABS)]
        for lab in self.labs:
            lab.page.set_default_timeout(1000 * PATIENCE)
        self.notebooks: dict[Lab, list[Notebook]] = {lab: [] for lab in self.labs}
        self.refreshes = self.invalid_grants = self.sign_ins = self.told = self.served = self.lost = 0
        self.lies: list[str] = []
        self.kernels: set[int] = set()

    @property
    def all(self) -> list[Notebook]:
        return [nb for notebooks in self.notebooks.values() for nb in notebooks]

    # ---- the work ----------------------------------------------------------------------------------

    def begin(self) -> None:
        for lab in self.labs:
            for _ in range(NOTEBOOKS):
                nb = lab.notebook([login_cell(self.provider)])
                nb.run(0, timeout=PATIENCE)
                self.notebooks[lab].append(nb)
        self.provider.configure(access_token_ttl=LIFETIME)
        self.sign_in()
        self.recover()
        self.kernels = {int(nb.execute(PID)) for nb in self.all}

    def sign_in(self) -> None:
        """Click where the widget asks for it; the provider may know the person still."""
        self.sign_ins += 1
        nb = self.all[0]
        popup = open_popup(nb)
        with contextlib.suppress(Exception):  # it has closed by itself
            if popup.get_by_label("Login").or_(popup.get_by_role("button", name="Allow")).count():
                LoginForm(popup).sign_in("alice")
        expect(nb.region).to_contain_text("Signed in as")

    def work(self, seconds: float, *, but: Notebook | None = None) -> None:
        """Ask each kernel (but this one) again and again whether it is served or told the truth."""
        deadline = time.monotonic() + seconds
        for nb in itertools.cycle(nb for nb in self.all if nb is not but):
            if time.monotonic() > deadline:
                break
            self.note(nb, self.ask(nb))
            nb.page.wait_for_timeout(100)
        self.tally()

    def ask(self, nb: Notebook) -> tuple[str, bool, str | None]:
        while True:
            status, has_token, code, after = json.loads(nb.execute(ASK))
            if status == after:  # else something came in between
                return status, has_token, code

    def note(self, nb: Notebook, seen: tuple[str, bool, str | None]) -> None:
        status, has_token, _ = seen
        if (status == "signed_in") != has_token:
            self.lies.append(f"{nb.path}: {seen}")
            print("not true:", self.lies[-1], flush=True)
        elif has_token:
            self.served += 1
        else:
            self.told += 1

    def recover(self) -> float:
        """Wait until everybody is served again, and sign in if asked to; return the seconds that it took.

        Raises
        ------
        TimeoutError
            Somebody is not.
        """
        start, first, asked = time.monotonic(), self.all[0], False
        button = first.region.get_by_role("button", name="Sign in")
        for nb in self.all:
            seen = []
            while (state := self.ask(nb))[:2] != ("signed_in", True):
                waited = time.monotonic() - start
                seen.append((round(waited), *state, nb.execute(HEARD)))
                if waited > PATIENCE:
                    raise TimeoutError(f"{nb.path} has no token after {PATIENCE} s: {seen}")
                if waited > BY_ITSELF and not asked:
                    first.activate()  # what is not in front has no buttons
                    asked = bool(button.count())
                    if asked:
                        self.sign_in()
                nb.page.wait_for_timeout(200)
        return time.monotonic() - start

    def tally(self) -> None:
        for request in self.provider.requests("token", grant_type="refresh_token"):
            self.refreshes += request.status == 200
            self.invalid_grants += request.error == "invalid_grant"
        self.provider.forget()

    # ---- what goes wrong ---------------------------------------------------------------------------

    def provider_down(self) -> float:
        self.provider.down()
        self.work(5)
        self.provider.up()
        return self.recover()

    def line_cut(self) -> float:
        """Requests go out, and nothing comes back; then the line is whole again."""
        self.provider.fault("token", "hang")
        self.work(5)
        self.provider.heal()
        return self.recover()

    def server_errors(self) -> float:
        self.provider.fault("token", "status", status=503)
        self.work(5)
        self.provider.heal()
        return self.recover()

    def page_reloaded(self) -> float:
        lab = self.labs[1]
        for nb in self.notebooks[lab]:
            nb.save()
        lab.reload()
        for nb in self.notebooks[lab]:
            nb.wait_for_kernel(timeout=PATIENCE)
        return self.recover()

    def kernel_killed(self) -> float:
        nb = self.all[-1]
        os.kill(int(nb.execute(PID)), signal.SIGKILL)
        return self._run_again(nb)

    def kernel_killed_in_mid_delivery(self) -> float:
        """It takes messages and answers none, the others go on, and then it is gone."""
        nb = self.all[-1]
        kernel = int(nb.execute(PID))
        os.kill(kernel, signal.SIGSTOP)
        self.work(5, but=nb)
        os.kill(kernel, signal.SIGKILL)
        return self._run_again(nb)

    def _run_again(self, nb: Notebook) -> float:
        nb.page.get_by_role("dialog").get_by_role("button", name="Ok").click()  # "it will restart"
        nb.wait_for_kernel(timeout=PATIENCE)
        try:
            nb.run(0, timeout=LOST)
        except TimeoutError:
            print("a cell does not run, in a kernel that is shown as", nb.status(), flush=True)
            if nb.status() == "busy":
                raise
            # What was on its way to the dead kernel (any widget's message) may go to the new one from a line
            # that jupyter_server has closed. It has the name of the page's new line, to which the kernel then
            # sends nothing more on the shell channel: only a reload helps.
            self.lost += 1
            for other in self.notebooks[self.labs[-1]]:
                other.save()
            self.labs[-1].reload()
            nb.wait_for_kernel(timeout=PATIENCE)
            nb.run(0, timeout=PATIENCE)
        return self.recover()

    def vault_killed(self) -> float:
        """Close the worker under everybody: the session is gone, and each must say so and come back."""
        end_shared_workers(self.browser)
        self.work(5)
        return self.recover()

    def server_restarted(self) -> float:
        """End the server and its kernels, start it again, and go on as a person does: reload, run again."""
        for nb in self.all:
            nb.save()
        self.server.stop()
        self.server.start()
        for lab in self.labs:
            lab.reload()
        for nb in self.all:
            nb.wait_for_kernel(timeout=PATIENCE)
            nb.run(0, timeout=PATIENCE)
        took = self.recover()
        self.kernels = {int(nb.execute(PID)) for nb in self.all}
        return took

    def explain(self) -> None:
        """Print what is to be seen of kernels and server: somebody waits in vain."""
        for nb in self.all:
            print(f"{nb.path}: {nb.status()}")
        for file in sorted((self.server.root.parent / "runtime").glob("kernel-*.json")):
            print(f"{file.name}: {_answers(file)}", flush=True)
        for process in psutil.Process(self.server._process.pid).children():
            with contextlib.suppress(OSError):
                process.send_signal(signal.SIGUSR1)
        time.sleep(1)
        for stacks in self.server.root.rglob("stacks-*.txt"):
            print(stacks.name, stacks.read_text(), sep="\n")
        print(self.server.logged()[-20_000:], flush=True)

    # ---- figures -----------------------------------------------------------------------------------

    def memory(self) -> dict[str, float]:
        """Megabytes: of the vault what is alive, of the processes what is resident; old kernels only."""
        server = psutil.Process(self.server._process.pid)
        children = server.children(recursive=True)
        kernels = [child.memory_info().rss for child in children if child.pid in self.kernels]
        return {
            "vault": self._vault_heap() / 1e6,
            "server": server.memory_info().rss / 1e6,
            "kernels": sum(kernels) / max(len(kernels), 1) / 1e6,
        }

    def _vault_heap(self) -> float:
        session = self.browser.new_browser_cdp_session()
        heard: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        session.on("Target.receivedMessageFromTarget", lambda event: heard.put(json.loads(event["message"])))
        used = 0.0
        for worker in shared_workers(session):
            attached = session.send("Target.attachToTarget", {"targetId": worker, "flatten": False})
            for number, method in enumerate(("HeapProfiler.collectGarbage", "Runtime.getHeapUsage"), 1):
                message = json.dumps({"id": number, "method": method})
                session.send(
                    "Target.sendMessageToTarget", {"sessionId": attached["sessionId"], "message": message}
                )
            while True:
                with contextlib.suppress(queue.Empty):
                    answer = heard.get_nowait()
                    if answer.get("id") == 2:
                        used += answer["result"]["usedSize"]
                        break
                self.labs[0].page.wait_for_timeout(20)  # lets messages in
        session.detach()
        return used


def _answers(connection_file: Path) -> str:
    """Ask a kernel past the server, on its shell channel."""
    client = BlockingKernelClient(connection_file=str(connection_file))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=10)
    except RuntimeError as failure:
        return f"does not answer: {failure}"
    finally:
        client.stop_channels()
    return "answers"


def run(soak: Soak, seconds: float) -> bool:
    """Work until the time is over; print what is seen, and return whether all of it is as it must be."""
    start = time.monotonic()
    survived: list[Callable[[], float]] = [
        soak.provider_down,
        soak.line_cut,
        soak.server_errors,
        soak.page_reloaded,
        soak.kernel_killed,
        soak.kernel_killed_in_mid_delivery,
    ]
    quiet = min(QUIET, seconds / 20)
    soak.begin()
    soak.work(quiet)
    first = soak.memory()
    say("begin", soak, first, 0.0)
    # Memory is compared before anybody who is measured is started anew.
    go_wrong(soak, survived, quiet, start + seconds / 2)
    last = soak.memory()
    grown = {name: round(last[name] - first[name], 1) for name in first}
    say("half-time", soak, last, 0.0)
    go_wrong(soak, [soak.vault_killed, soak.server_restarted, *survived], quiet, start + seconds)
    took = time.monotonic() - start
    print(
        f"{took:.0f} s, {soak.refreshes} refreshes, {soak.sign_ins} sign-ins, "
        f"{soak.lost} pages that lost their new kernel; MB more at half-time: {grown}"
    )
    return (
        soak.invalid_grants == 0
        and not soak.lies
        and all(grown[name] < FLAT[name] for name in FLAT)
        and soak.refreshes >= REFRESHES * min(seconds / HOUR, 1)
    )


def go_wrong(soak: Soak, faults: list[Callable[[], float]], quiet: float, until: float) -> None:
    """Let one fault after the other happen, with quiet work in between."""
    for fault in itertools.cycle(faults):
        if time.monotonic() > until:
            return
        took = fault()
        soak.work(quiet)
        say(fault.__name__, soak, soak.memory(), took)


def say(what: str, soak: Soak, memory: dict[str, float], took: float) -> None:
    """Print one line of figures."""
    figures = ", ".join(f"{name} {megabytes:.1f} MB" for name, megabytes in memory.items())
    kernels = f"kernels served {soak.served}, told {soak.told}, lied to {len(soak.lies)}"
    tokens = f"{soak.refreshes} refreshes, {soak.invalid_grants} invalid_grant"
    print(f"{what:29} served again after {took:4.1f} s | {tokens} | {kernels} | {figures}", flush=True)


def main(seconds: float) -> int:
    """Start everything, and end all of it afterwards."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(contextlib.closing(JupyterServer(folder, config=SHORT_MEMORY)))
        startup = folder / "ipython/profile_default/startup"
        startup.mkdir(parents=True)
        (startup / "stacks.py").write_text(STACKS)
        provider = stack.enter_context(OidcProvider(consent="skip"))
        provider.configure(
            redirect_uris=[server.redirect_uri, own_address(server.redirect_uri, provider.issuer)]
        )
        playwright = stack.enter_context(sync_playwright())
        executable = chromium.provide()
        browser = playwright.chromium.launch(
            **({"executable_path": executable} if executable else {}),
            args=chromium.arguments(),
            ignore_default_args=["--disable-popup-blocking"],
        )
        stack.callback(browser.close)
        expect.set_options(timeout=1000 * PATIENCE)
        soak = Soak(browser, browser.new_context(), server, provider)
        try:
            return 0 if run(soak, seconds) else 1
        except BaseException:
            soak.explain()
            raise


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else HOUR))
