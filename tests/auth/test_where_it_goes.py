"""The token reaches the origin that it was meant for, and nobody on the way there."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import httpx
import httpx2
import pytest
import requests
import trio

from oidc_widget.credentials.azure import OIDCCredential
from oidc_widget.credentials.pyiceberg import OIDCAuthManager
from oidc_widget.errors import ConfigurationError

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])


def tokens(api):
    return [seen.authorization for seen in api.seen]


# ---- from port 80 to 443 ---------------------------------------------------------------------------------


def at_port_80(library, answer, sent):
    """What answers there and at 443, in place of real servers, whose ports may be taken."""

    def handle(request):
        sent.append((str(request.url), request.headers.get("Authorization")))
        status, location = answer(str(request.url), request.headers.get("Authorization"))
        return library.Response(status, headers={"Location": location} if location else {})

    return library.MockTransport(handle)


def get(library, transport, auth, way):
    if way == "sync":
        with library.Client(transport=transport, auth=auth, follow_redirects=True) as client:
            return client.get("http://localhost/")

    async def ask():
        async with library.AsyncClient(transport=transport, auth=auth, follow_redirects=True) as client:
            return await client.get("http://localhost/")

    return trio.run(ask)


@LIBRARIES
@pytest.mark.parametrize("way", ["sync", "async"])
def test_no_token_goes_on_from_port_80_to_443(library, way, login):
    sent = []

    def answer(url, _token):
        return (200, None) if url.startswith("https:") else (302, "https://localhost/")

    response = get(library, at_port_80(library, answer, sent), login.auth, way)
    assert response.status_code == 200
    assert sent == [("http://localhost/", "Bearer token-1"), ("https://localhost/", None)]


@LIBRARIES
@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_redirect_within_port_80_still_arrives_with_the_token(library, way, login, source):
    sent = []

    def answer(url, token):
        if url == "http://localhost/":
            return 307, "/b"
        if token != "Bearer token-1":
            return 401, None
        return (307, "/c") if url.endswith("/b") else (200, None)

    response = get(library, at_port_80(library, answer, sent), login.auth, way)
    assert response.status_code == 200
    assert str(response.url) == "http://localhost/c"
    assert source.asked == 0


@LIBRARIES
@pytest.mark.parametrize("way", ["sync", "async"])
def test_no_token_comes_back_to_port_80_from_another_origin(library, way, login):
    sent = []

    def answer(url, _token):
        return {
            "http://localhost/": (307, "https://elsewhere.example/"),
            "https://elsewhere.example/": (307, "http://localhost/wanted-by-the-other"),
        }.get(url, (401, None))

    assert get(library, at_port_80(library, answer, sent), login.auth, way).status_code == 401
    assert [token for _, token in sent] == ["Bearer token-1", None, None]


# ---- proxies ---------------------------------------------------------------------------------------------


@pytest.fixture
def proxy(elsewhere, monkeypatch):
    """A proxy that the environment names for http; it would read all that is sent."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, elsewhere.url)
    for name in ("no_proxy", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
    return elsewhere


def test_no_token_is_sent_over_plain_http_to_a_proxy(ask, api, login, proxy):
    url = api.url.replace("127.0.0.1", "localhost")
    with pytest.raises(ConfigurationError, match="NO_PROXY=localhost") as error:
        ask("GET", url, login, through_proxy=True)
    assert error.value.code == "insecure_transport"
    assert proxy.seen == []


def test_a_host_that_no_proxy_names_gets_the_token(ask, api, login, proxy, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    api.valid.add("token-1")
    assert ask("GET", api.url, login, through_proxy=True) == 200
    assert proxy.seen == []


@LIBRARIES
def test_no_token_is_sent_to_a_proxy_that_the_client_was_given(library, api, elsewhere, login):
    with (
        library.Client(auth=login.auth, proxy=elsewhere.url, trust_env=False) as client,
        pytest.raises(ConfigurationError, match="NO_PROXY"),
    ):
        client.get(api.url)
    assert elsewhere.seen == []


@LIBRARIES
def test_a_client_that_ignores_the_environment_needs_no_exception_from_it(library, api, login, proxy):
    api.valid.add("token-1")
    with library.Client(auth=login.auth, trust_env=False) as client:
        assert client.get(api.url).status_code == 200
    assert proxy.seen == []


@LIBRARIES
def test_the_trace_of_a_request_is_still_told_to_who_asked_for_it(library, api, login):
    api.valid.add("token-1")
    events = []
    with library.Client(auth=login.auth, trust_env=False) as client:
        client.get(api.url, extensions={"trace": lambda event, _info: events.append(event)})
    assert "http11.send_request_headers.started" in events


# ---- tracebacks ------------------------------------------------------------------------------------------


def locals_of(error):
    """What the frames of a traceback hold, but for those of these tests, which know the tokens."""
    tests = str(Path(__file__).parent)
    shown = []
    for one in getattr(error, "exceptions", [error]):  # Trio wraps an interrupt in a group
        frames = traceback.TracebackException.from_exception(one, capture_locals=True).stack
        shown += [str(frame.locals) for frame in frames if not frame.filename.startswith(tests)]
    return "".join(shown)


def test_no_token_is_among_the_locals_of_a_renewal_that_is_interrupted(ask, api, login, source):
    def interrupt(*_):
        raise KeyboardInterrupt

    source.request_token = interrupt
    login.receive("token", {"access_token": "ending", "expires_in": 5, "lifetime": 3600}, express=True)
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # an interrupt, or a group with one
        ask("GET", api.url, login)
    assert "living" in locals_of(caught.value)
    assert "'ending'" not in locals_of(caught.value)
    login.receive("token", {"access_token": "token-1", "expires_in": 3600}, express=True)
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # the same
        ask("GET", api.url, login)
    assert "refused" in locals_of(caught.value)
    assert "token-1" not in locals_of(caught.value)


def test_no_token_is_among_the_locals_of_a_retry_that_meets_a_dropped_connection(ask, api, login):
    api.drops.add("token-2")
    with pytest.raises(Exception, match=r"(?i)disconnect|closed|aborted") as caught:
        ask("POST", api.url, login, data=b"body")
    assert tokens(api)[0] == "Bearer token-1"
    shown = locals_of(caught.value)
    assert "token-1" not in shown
    assert "token-2" not in shown


def test_a_prepared_request_shows_no_token(login):
    class Failing(requests.adapters.BaseAdapter):
        def send(self, request, **_):
            raise OSError(f"dropped: {request.headers}")

        def close(self):
            pass

    with requests.Session() as session:
        session.mount("http://", Failing())
        with pytest.raises(OSError, match="dropped") as caught:
            session.get("http://localhost/", auth=login.auth)
    assert "token-1" not in locals_of(caught.value)


# ---- copies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [lambda w: w.auth, OIDCCredential, OIDCAuthManager], ids=["auth", "azure", "pyiceberg"]
)
def test_what_hands_out_tokens_is_not_pickled_and_says_what_to_use(login, make):
    with pytest.raises(TypeError, match=r"oidc_widget\.dask\.share"):
        pickle.dumps(make(login))
    assert pickle.loads(pickle.dumps(io.BytesIO(b"other things are"))).read()  # noqa: S301  # our own
    one = make(login)
    assert copy.copy(one) is one
    assert copy.deepcopy({"auth": one})["auth"] is one


def test_two_of_one_sign_in_are_equal(login):
    assert login.auth == login.auth
    assert hash(login.auth) == hash(login.auth)


@pytest.mark.parametrize(
    ("first", "then"),
    [("httpx", "httpx2"), ("httpx2", "httpx"), ("requests", "httpx2")],
)
def test_an_auth_made_before_a_library_was_loaded_is_accepted_by_it(api, first, then):
    api.valid.add("token-1")
    code = (
        "import sys\n"
        "from oidc_widget import OIDCLogin\n"
        "w = OIDCLogin('https://idp.example', 'notebooks', flow='popup')\n"
        "w.receive('token', {'access_token': 'token-1'}, express=True)\n"
        "auth = w.auth\n"
        "assert not {'httpx', 'httpx2', 'requests'} & set(sys.modules)\n"
        f"import {first}\n"
        f"assert {first}.get({api.url!r}, auth=auth).status_code == 200\n"
        f"assert {then!r} not in sys.modules\n"
        f"import {then}\n"
        f"assert isinstance(auth, {then}.Auth)\n"
        f"print({then}.get({api.url!r}, auth=auth).status_code)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    assert result.stdout == "200\n", result.stderr
