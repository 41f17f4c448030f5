"""`w.auth` in `requests` and in `httpx` (both kinds of client), against real HTTP servers."""

from __future__ import annotations

import io
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import httpx
import httpx2
import pytest
import requests

from oidc_widget import OIDCLogin
from oidc_widget.errors import ConfigurationError, TokenError

UNREACHABLE = (
    requests.ConnectionError,
    httpx.ConnectError,
    httpx2.ConnectError,
    aiohttp.ClientConnectorError,
)


def tokens(api):
    return [seen.authorization for seen in api.seen]


def test_each_request_carries_the_token(ask, api, login, source):
    api.valid.add("token-1")
    assert ask("GET", api.url, login) == 200
    assert tokens(api) == ["Bearer token-1"]
    assert source.asked == 0


def test_a_token_that_ends_soon_is_renewed_before_the_request(ask, api, login, source):
    login.receive("token", {"access_token": "ending", "expires_in": 5, "lifetime": 3600}, express=True)
    api.valid.add("token-2")
    assert ask("GET", api.url, login) == 200
    assert tokens(api) == ["Bearer token-2"]
    assert source.asked == 1


def test_a_401_brings_one_new_token_and_one_more_try(ask, api, login, source):
    api.valid.add("token-2")
    assert ask("POST", f"{api.url}/things", login, data=b"the body") == 200
    assert tokens(api) == ["Bearer token-1", "Bearer token-2"]
    assert [seen.body for seen in api.seen] == [b"the body"] * 2
    assert source.asked == 1
    assert ask("GET", api.url, login) == 200
    assert source.asked == 1


def test_a_second_401_is_the_answer(ask, api, login, source):
    assert ask("GET", api.url, login) == 401
    assert tokens(api) == ["Bearer token-1", "Bearer token-2"]
    assert source.asked == 1


def test_a_401_is_the_answer_where_no_new_token_is_to_be_had(ask, api, login, source):
    source.refusal = TokenError("The sign-in is over.", code="invalid_grant")
    assert ask("GET", api.url, login) == 401
    assert tokens(api) == ["Bearer token-1"]


def test_many_requests_that_are_refused_at_once_bring_one_new_token(by_requests, api, login, source):
    api.valid.add("token-2")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: by_requests("GET", api.url, login), range(40)))
    assert answers == [200] * 40
    assert source.asked == 1


def test_a_body_that_is_used_up_is_not_sent_again(ask, api, login, source):
    api.valid.add("token-2")

    def once():
        yield b"piece"

    async def once_async():
        yield b"piece"

    body = once_async() if hasattr(ask, "streams_async") else once()
    assert ask("PUT", api.url, login, data=body) == 401
    assert [seen.body for seen in api.seen] == [b"piece"]
    assert source.asked == 0


def test_a_file_is_sent_again_from_where_it_was(by_requests, api, login):
    api.valid.add("token-2")
    body = io.BytesIO(b"skipped body")
    body.seek(8)
    assert by_requests("PUT", api.url, login, data=body) == 200
    assert [seen.body for seen in api.seen] == [b"body"] * 2


def test_the_token_goes_along_a_redirect_within_the_origin(ask, api, login):
    api.valid.add("token-1")
    api.redirects["/old"] = "/new"
    assert ask("GET", f"{api.url}/old", login) == 200
    assert tokens(api) == ["Bearer token-1"] * 2


def test_a_redirect_within_the_origin_goes_on_with_the_new_token(ask, api, login):
    api.valid.add("token-2")
    api.redirects["/old"] = "/new"
    assert ask("GET", f"{api.url}/old", login) == 200
    assert tokens(api)[-1] == "Bearer token-2"


def test_no_token_goes_to_another_origin_by_a_redirect(ask, api, elsewhere, login, source):
    api.redirects["/away"] = f"{elsewhere.url}/trap"
    assert ask("GET", f"{api.url}/away", login) == 401
    assert tokens(elsewhere) == [None]
    assert source.asked == 0


def test_no_token_goes_to_another_port_of_the_same_host_by_a_redirect(ask, api, elsewhere, login):
    elsewhere_by_number = elsewhere.url.replace("localhost", "127.0.0.1")
    api.redirects["/away"] = f"{elsewhere_by_number}/trap"
    try:
        assert ask("GET", f"{api.url}/away", login) == 401
    except UNREACHABLE:
        pytest.skip("localhost is another address here")
    assert tokens(elsewhere) == [None]


def test_no_token_comes_back_with_a_redirect_from_another_origin(ask, api, elsewhere, login, source):
    api.redirects["/away"] = f"{elsewhere.url}/back"
    elsewhere.redirects["/back"] = f"{api.url}/wanted-by-the-other"
    assert ask("GET", f"{api.url}/away", login) == 401
    assert tokens(api) == ["Bearer token-1", None]
    assert source.asked == 0


@pytest.mark.parametrize(
    "url",
    ["http://api.example/", "http://localhost.example/", "http://10.0.0.1/", "http://127.0.0.1.example/"],
)
def test_no_token_is_sent_over_plain_http_to_another_machine(ask, login, url):
    with pytest.raises(ConfigurationError, match="not sent to http://") as error:
        ask("GET", url, login)
    assert error.value.code == "insecure_transport"


def test_a_request_while_nobody_is_signed_in_fails_at_once(ask, api):
    w = OIDCLogin("https://idp.example", "notebooks", flow="popup")
    with pytest.raises(TokenError, match="Nobody is signed in"):
        ask("GET", api.url, w)
    assert api.seen == []


def test_a_session_and_a_client_renew_by_themselves(api, login):
    api.valid.add("token-2")
    session = requests.Session()
    session.auth = login.auth
    with session, httpx.Client(auth=login.auth) as client:
        assert session.get(api.url, timeout=10).status_code == 200
        assert client.get(api.url).status_code == 200


def test_no_secret_is_shown(login):
    assert "token-1" not in repr((login.auth, vars(login.auth), login, login._sign_in.state.now))
    prepared = requests.Request("GET", "https://api.example/", auth=login.auth).prepare()
    assert "token-1" not in repr((prepared.hooks, prepared.headers, prepared.copy().headers))
    assert prepared.headers["Authorization"] == "Bearer token-1"


def test_no_token_is_among_the_locals_of_a_request_that_failed(ask, login):
    with pytest.raises(UNREACHABLE) as caught:
        ask("GET", "https://127.0.0.1:1/", login)
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "token-1" not in "".join(trace.format())


def test_no_token_goes_on_from_port_80_to_443_with_requests(login):
    """`requests` itself keeps the header there; these ports may be taken, hence no real server."""
    sent = []

    class Redirecting(requests.adapters.BaseAdapter):
        def send(self, request, **_):
            sent.append((request.url, request.headers.get("Authorization")))
            response = requests.Response()
            response.request, response.url, response.raw = request, request.url, io.BytesIO()
            response.status_code = 200 if request.url.startswith("https:") else 302
            response.headers["Location"] = "https://localhost/"
            return response

        def close(self):
            pass

    with requests.Session() as session:
        session.mount("http://", Redirecting())
        session.mount("https://", Redirecting())
        assert session.get("http://localhost/", auth=login.auth).status_code == 200
    assert sent == [("http://localhost/", "Bearer token-1"), ("https://localhost/", None)]


@pytest.mark.parametrize("statement", ["import oidc_widget", "from oidc_widget import OIDCLogin"])
def test_importing_loads_neither_library(statement):
    libraries = {"httpx", "httpx2", "aiohttp", "requests", "trio"}
    code = f"import sys; {statement}; print({libraries} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert result.stdout == "set()\n"


def test_requests_works_without_httpx(api):
    code = (
        "import sys; sys.modules['httpx'] = None\n"
        "import requests\n"
        "from oidc_widget import OIDCLogin\n"
        "w = OIDCLogin('https://idp.example', 'notebooks', flow='popup')\n"
        "w.receive('token', {'access_token': 'token-1'}, express=True)\n"
        f"print(requests.get({api.url!r}, auth=w.auth, timeout=10).status_code)\n"
    )
    api.valid.add("token-1")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert result.stdout == "200\n"
