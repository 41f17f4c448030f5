"""A provider that misbehaves as `cases.json` says brings no token into a kernel, and is told of truly."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest

from oidc_widget import OIDCLogin
from oidc_widget.errors import OIDCError, SignInError
from oidc_widget.oauth import token_endpoint
from oidc_widget.relay import Refusal, upstream
from oidc_widget.relay import relay as relay_module
from oidc_widget.relay.providers import parse_provider
from oidc_widget.relay.relay import Relay
from oidc_widget.signin import attempt, prompt
from oidc_widget.verify import id_token
from providers.hostile_provider import cases
from shown import changes_to

if TYPE_CHECKING:
    from providers.hostile_provider import HostileProvider

#: Seconds that an answer may take which never ends, so that nobody has to wait longer.
PATIENCE = 0.6
#: Seconds that all of a sign-in may take.
LONG = 15

FORM = "application/x-www-form-urlencoded"

#: What passes takes no token away; what is final leaves none.
PASSING = {
    "token_endpoint_unreachable",
    "token_request_refused",
    "token_response_invalid",
    "scope_unavailable",
}


def each(*ways):
    found = list(cases(*ways))
    names = [f"{way}-{case['name']}" for case, way, _ in found]
    return pytest.mark.parametrize("trial", found, ids=names, indirect=True)


@dataclass
class Trial:
    """One case on one way, and what must come of it."""

    case: dict[str, Any]
    way: str
    expected: str
    hostile: HostileProvider
    issuer: str
    told: Any
    output: Any

    def saw(self, seen: str) -> None:
        """Hold it against what was expected."""
        self.told(self.case, self.way, self.expected, seen)

    def check_secrecy(self, w: OIDCLogin) -> None:
        """No token of the misbehaving provider is anywhere, unless it was to be taken."""
        shown = "".join((repr(w), repr(w.get_state()), str(w.error), repr(w.error), self.output()))
        assert "evil-" not in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        if self.expected != "served":
            assert "evil" not in (w.access_token or "")
            assert w.id_token is None


@pytest.fixture
def trial(request, hostile, told, caplog, monkeypatch):
    case, way, expected = request.param
    caplog.set_level(logging.DEBUG)
    # What a thread prints while pytest reads what was printed, crashes Python 3.11 once in a while.
    printed = []
    monkeypatch.setattr(prompt, "_print", lambda text, **_: printed.append(text))
    return Trial(
        case,
        way,
        expected,
        hostile,
        hostile.issuer(case, way),
        told,
        output=lambda: "".join((caplog.text, *printed)),
    )


@pytest.fixture(autouse=True)
def _impatient(monkeypatch, trial):
    """Where an answer never ends, wait for it as long as `PATIENCE` says."""
    if "drip" not in json.dumps(trial.case["how"]):
        return

    class Impatient(upstream.Upstream):
        def __init__(self, provider):
            super().__init__(provider, timeout=PATIENCE)

    monkeypatch.setattr(token_endpoint, "_TIMEOUT", PATIENCE)
    monkeypatch.setattr(attempt, "discover", partial(attempt.discover, timeout=PATIENCE))
    monkeypatch.setattr(id_token, "TokenVerifier", partial(id_token.TokenVerifier, timeout=PATIENCE))
    monkeypatch.setattr(relay_module, "Upstream", Impatient)


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch, trial):
    """Bring requests for a provider on another machine to this one; all else goes where it says."""

    def there(request):
        request.url = httpx2.URL(trial.hostile.here(str(request.url)))
        request.headers["Host"] = request.url.netloc.decode()

    async def there_async(request):
        there(request)

    def hooked(make, hook):
        def opened(**how):
            client = make(**how)
            client.event_hooks = {"request": [hook]}
            return client

        return opened

    monkeypatch.setattr(attempt, "open_client", hooked(attempt.open_client, there))
    monkeypatch.setattr(upstream, "open_client", hooked(upstream.open_client, there))
    monkeypatch.setattr(upstream, "open_async_client", hooked(upstream.open_async_client, there_async))


@pytest.fixture
def w(trial):
    made = OIDCLogin(trial.issuer, "notebooks", extra_params=trial.case.get("asks", {}))
    made.sign_in()
    yield made
    made._sign_in.source.cancel()
    made.sign_out()


def done(w):
    assert changes_to(w, lambda: w.status in {"signed_in", "error"}, LONG)


def outcome(w):
    """Return what came of a sign-in."""
    if w.status == "signed_in":
        return "served"
    return "waiting" if w.error is None else w.error.code


@each("device")
def test_device(trial, w, polled):
    if trial.expected == "waiting":
        assert polled.get(timeout=LONG)[0] is None
    else:
        done(w)
    trial.saw(outcome(w))
    trial.check_secrecy(w)
    if trial.expected == "id_token_invalid":
        asked = [request["path"] for request in trial.hostile.log(trial.issuer)]
        assert "/revoke" in asked, "tokens that nobody uses are given back"


@each("paste")
def test_paste(trial, w):
    assert changes_to(w, lambda: w._sign_in.pages.shown or w.error, LONG)
    seen = None
    if w.error is None:
        landed = trial.hostile.landing(w._sign_in.pages.shown["paste"]["authorization_url"])
        try:
            w.paste(landed)
        except SignInError as refused:
            seen = refused.code
        else:
            done(w)
    trial.saw(seen or outcome(w))
    trial.check_secrecy(w)


@each("renewal")
def test_renewal(trial, w):
    done(w)
    assert w.error is None
    first = w.access_token
    w.refresh()
    assert changes_to(w, lambda: w.error or w.access_token != first, LONG)
    trial.saw("served" if w.error is None else w.error.code)
    trial.check_secrecy(w)
    assert (w.access_token == first) == (trial.expected in PASSING), w.status


@each("userinfo")
def test_userinfo(trial, w):
    done(w)
    with pytest.raises(OIDCError) as caught:
        w.userinfo()
    trial.saw(caught.value.code)
    assert "evil-" not in str(caught.value)


@each("relay")
async def test_relay(trial):
    entry = {"authority": trial.issuer, "client_id": "notebooks", "relay": True}
    relay = Relay({"corp": parse_provider("corp", entry)}, logging.getLogger("test"))
    body = httpx.QueryParams(
        grant_type="authorization_code",
        code="e30",
        redirect_uri="http://localhost/oidc-widget/callback",
        code_verifier="v" * 43,
    )
    try:
        _, document = await relay.token("corp", "alice", FORM, str(body).encode())
    except Refusal as refused:
        document = refused.body
    trial.saw(document.get("error", "served"))
    assert "evil-" not in trial.output()
    assert len(document.get("error_description", "")) < 1000
