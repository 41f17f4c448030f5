"""From the click to the token in the kernel, with the provider's session alive, beside a bare popup page.

    make .venv/linked && .venv/bin/python benchmarks/click_to_token.py [--rounds 20]

The bare page does the least that a sign-in can be: its own authorization request, a callback page of 200
bytes, a BroadcastChannel and one token request; nothing is checked, and nobody else is told. Both use one
browser, one provider and one run, turn by turn. Page and kernel share the machine's clock.
"""
# ruff: noqa: INP001, T201  (a script, which prints)

from __future__ import annotations

import argparse
import http.server
import statistics
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "ui-tests"))

from playwright.sync_api import Page, sync_playwright  # noqa: E402 - likewise

import chromium  # noqa: E402 - after the tests' folder is on the path
from jupyter_process import JupyterServer  # noqa: E402 - likewise
from lab import Lab  # noqa: E402 - likewise
from login_form import LoginForm  # noqa: E402 - likewise
from providers.oidc_provider import OidcProvider  # noqa: E402 - likewise

CALLBACK = """<!doctype html><script>
new BroadcastChannel(new URLSearchParams(location.search).get('state')).postMessage(location.search);
close();
</script>"""

BARE = """<!doctype html><title>Bare</title><button>Sign in</button><script>
const settings = new URLSearchParams(location.hash.slice(1)), issuer = settings.get('issuer');
const random = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))
  .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
let endpoints, next;
const prepare = async () => {
  endpoints ??= await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const verifier = random(), state = random();
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  const challenge = btoa(String.fromCharCode(...hash))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const parameters = new URLSearchParams({
    response_type: 'code', client_id: 'notebooks', scope: 'openid profile email', state, nonce: random(),
    redirect_uri: `${location.origin}/callback`, code_challenge: challenge, code_challenge_method: 'S256',
  });
  next = {verifier, state, url: `${endpoints.authorization_endpoint}?${parameters}`};
  document.title = 'ready';
};
document.querySelector('button').onclick = (event) => {
  const {verifier, state, url} = next, clicked = performance.timeOrigin + event.timeStamp;
  new BroadcastChannel(state).onmessage = async ({data}) => {
    const response = await fetch(endpoints.token_endpoint, {method: 'POST', body: new URLSearchParams({
      grant_type: 'authorization_code', code: new URLSearchParams(data).get('code'), client_id: 'notebooks',
      redirect_uri: `${location.origin}/callback`, code_verifier: verifier,
    })});
    window.token = (await response.json()).access_token;
    window.took = Date.now() - clicked;
    document.title = 'signed in';
    await prepare();
  };
  window.open(url, '_blank', 'popup,width=520,height=680');
};
prepare();
</script>"""

#: The kernel notes when it is told of each token, in ms since the epoch.
NOTING = """
import time
from oidc_widget import OIDCLogin
w = OIDCLogin({authority!r}, "notebooks")
times = []
w.observe(lambda change: change.new and times.append(time.time() * 1000), "access_token")
w
"""

NOTE_CLICKS = """addEventListener('click', (event) => {
  window.clicked = performance.timeOrigin + event.timeStamp;
}, {capture: true});"""


class BarePage(http.server.BaseHTTPRequestHandler):
    """Serve the two bare pages."""

    def do_GET(self) -> None:
        """Answer with the callback page, or with the page itself."""
        page = CALLBACK if self.path.startswith("/callback") else BARE
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def bare_round(page: Page, *, first: bool) -> float:
    """Sign in once in the bare page, and return the ms that it took."""
    page.bring_to_front()
    page.wait_for_function("document.title === 'ready'")
    with page.expect_popup() as popup:
        page.get_by_role("button", name="Sign in").click()
    if first:
        LoginForm(popup.value).sign_in("alice")
    page.wait_for_function("window.took !== undefined")
    took: float = page.evaluate("took")
    page.evaluate("delete window.took")
    return took


def widget_round(notebook: object, *, first: bool) -> float:
    """Sign in once by the widget, sign out again, and return the ms until the kernel had the token."""
    page, region = notebook.page, notebook.region
    page.bring_to_front()
    button = region.get_by_role("button", name="Sign in")
    button.wait_for()
    notebook.execute("times.clear()")
    with page.expect_popup() as popup:
        button.click()
    if first:
        LoginForm(popup.value).sign_in("alice")
    region.get_by_role("button", name="Sign out", exact=True).wait_for()
    took = float(notebook.execute("times[0]")) - page.evaluate("clicked")
    region.get_by_role("button", name="Sign out", exact=True).click()
    return took


def report(name: str, times: list[float]) -> None:
    """Print what was measured."""
    times = sorted(times)
    middle, slow = statistics.median(times), times[int(0.9 * len(times))]
    print(f"{name:<36} median {middle:4.0f} ms   fastest {times[0]:4.0f}   9 in 10 below {slow:4.0f}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    site = http.server.ThreadingHTTPServer(("localhost", 0), BarePage)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    origin = f"http://localhost:{site.server_port}"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = JupyterServer(Path(folder))
        addresses = [server.redirect_uri, f"{origin}/callback"]
        with OidcProvider(redirect_uris=addresses, consent="skip") as provider:
            browser = playwright.chromium.launch(
                executable_path=chromium.provide(), args=chromium.arguments()
            )
            context = browser.new_context()
            context.add_init_script(NOTE_CLICKS)
            bare = context.new_page()
            bare.goto(f"{origin}/#issuer={provider.issuer}")
            notebook = Lab(context.new_page(), server).notebook([NOTING.format(authority=provider.issuer)])
            notebook.run(0)
            bare_round(bare, first=True)  # the provider's session lives from here on
            widget_round(notebook, first=False)
            pairs = [
                (bare_round(bare, first=False), widget_round(notebook, first=False)) for _ in range(rounds)
            ]
            browser.close()
        server.close()
    print(f"click → token, {rounds} rounds, the provider's session alive")
    report("a bare popup page, in the page", [pair[0] for pair in pairs])
    report("the widget, in the kernel", [pair[1] for pair in pairs])


if __name__ == "__main__":
    main()
