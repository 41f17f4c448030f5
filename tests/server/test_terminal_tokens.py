"""`oidc-widget/api/terminal-token`: between a terminal and the vault of its person, on a real server."""

from __future__ import annotations

import contextlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

PATH = "api/terminal-token"
TOKEN = "obvious-test-token"


class Browser:
    """What the vault of one browser does."""

    def __init__(self, client, name="browser-1"):
        self.client, self.name = client, name

    def next(self, working=(), **how):
        return self.client.post(f"{PATH}/next", json={"browser": self.name, "working": list(working)}, **how)

    def answer(self, question, **answer):
        return self.client.post(f"{PATH}/{question['id']}", json={"browser": self.name, **answer})

    def refuse(self, question, code="no_token"):
        return self.answer(question, error=code, error_description=f"Nobody at {self.name}.")


@pytest.fixture
def vault(server):
    with server.client() as client:
        yield Browser(client)


@pytest.fixture
def other(server):
    with server.client() as client:
        yield Browser(client, "browser-2")


@pytest.fixture
def asked(server):
    """Ask as a terminal does, in a thread: returns what is to come."""
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(8))
        client = stack.enter_context(server.client())
        yield lambda **more: pool.submit(
            client.post, PATH, json={"provider": "corp", "timeout": 20, **more}, timeout=30
        )


@pytest.fixture
def in_background():
    with ThreadPoolExecutor(8) as pool:
        yield pool.submit


def listens(asked):
    """Wait until a vault listens: before, a question is refused at once."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        waiting = asked()
        with contextlib.suppress(TimeoutError):
            if waiting.result(0.2).status_code == 409:
                continue
        return waiting
    raise AssertionError("nobody listens")


@pytest.fixture(autouse=True)
def quiet(request):
    """A vault of a test before counts as open for a moment."""
    asked = request.getfixturevalue("asked") if "vault" in request.fixturenames else None
    yield
    if asked is not None:
        deadline = time.monotonic() + 20
        while asked(timeout=0.1).result(20).status_code != 409:
            assert time.monotonic() < deadline


def test_a_terminal_gets_what_a_page_answers_and_that_counts_once(server, vault, asked, in_background):
    coming = in_background(vault.next)
    waiting = listens(asked)
    question = coming.result(20).json()
    assert question["provider"] == "corp"
    assert re.fullmatch(r"[\w-]{43}", question["id"])
    assert vault.answer(question, access_token=TOKEN).status_code == 204
    answer = waiting.result(20)
    assert (answer.status_code, answer.json()) == (200, {"access_token": TOKEN})
    assert answer.headers["Cache-Control"] == "no-store"
    assert vault.answer(question, access_token="another").status_code == 404
    assert TOKEN not in server.log
    folder = server.jupyter.root.parent
    assert not [path for path in folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


def test_where_no_page_listens_the_answer_comes_at_once_and_says_what_to_do(asked):
    begun = time.monotonic()
    answer = asked().result(20)
    assert time.monotonic() - begun < 5
    assert answer.status_code == 409
    assert answer.json()["error"] == "terminal_not_allowed"
    assert "“Access tokens for terminals”" in answer.json()["error_description"]


def test_of_two_browsers_the_first_token_counts(vault, other, asked, in_background):
    coming = [in_background(each.next) for each in (vault, other)]
    waiting = listens(asked)
    questions = [each.result(20).json() for each in coming]
    assert questions[0] == questions[1]
    assert other.answer(questions[1], access_token=TOKEN).status_code == 204
    assert waiting.result(20).json() == {"access_token": TOKEN}
    assert vault.answer(questions[0], access_token="late").status_code == 404


def test_an_error_is_the_answer_when_no_browser_has_a_token(vault, other, asked, in_background):
    coming = [in_background(each.next) for each in (vault, other)]
    waiting = listens(asked)
    question, _ = (each.result(20).json() for each in coming)
    assert vault.refuse(question).status_code == 204
    assert not waiting.done()
    assert vault.answer(question, access_token=TOKEN).status_code == 404  # it has answered
    assert other.refuse(question).status_code == 204
    answer = waiting.result(20)
    assert (answer.status_code, answer.json()["error"]) == (409, "no_token")
    assert answer.json()["error_description"] == "Nobody at browser-2."


def test_what_was_lost_on_the_way_comes_again_and_what_is_worked_on_does_not(vault, asked, in_background):
    coming = in_background(vault.next)
    first, second = listens(asked), asked(provider="git")
    questions = {coming.result(20).json()["id"]: "corp"}
    [corp] = questions
    assert vault.next().json() == {"id": corp, "provider": "corp"}
    git = vault.next([corp]).json()
    assert git["provider"] == "git"
    for question in ({"id": corp}, git):
        assert vault.answer(question, access_token=TOKEN).status_code == 204
    assert [each.result(20).status_code for each in (first, second)] == [200, 200]


def test_a_browser_between_two_requests_still_listens(vault, asked, in_background):
    coming = in_background(vault.next)
    waiting = listens(asked)
    vault.answer(coming.result(20).json(), access_token=TOKEN)
    waiting.result(20)
    waiting = asked()
    vault.answer(vault.next().json(), access_token=TOKEN)
    assert waiting.result(20).status_code == 200


def test_a_page_that_is_closed_listens_no_more(vault, asked, in_background):
    gone = in_background(vault.next, timeout=0.5)
    waiting = listens(lambda: asked(timeout=1))  # hangs on to what the vault has got
    with contextlib.suppress(httpx.ReadTimeout):
        gone.result(20)
    waiting.result(30)
    with pytest.raises(httpx.ReadTimeout):
        vault.next(timeout=0.5)
    deadline = time.monotonic() + 20
    while asked(timeout=0.1).result(20).status_code != 409:
        assert time.monotonic() < deadline


def test_who_hangs_up_leaves_no_question(server, vault, asked, in_background):
    coming = in_background(vault.next)
    listens(lambda: asked(timeout=0.3)).result(20)
    question = coming.result(20).json()
    assert vault.answer(question, access_token=TOKEN).status_code == 404
    with server.client() as terminal:
        coming = in_background(vault.next)
        with pytest.raises(httpx.ReadTimeout):
            terminal.post(PATH, json={"provider": "corp", "timeout": 20}, timeout=0.5)
        assert vault.answer(coming.result(20).json(), access_token=TOKEN).status_code == 404


def test_a_page_that_says_nothing_is_not_waited_for_for_ever(vault, asked, in_background):
    coming = in_background(vault.next)
    waiting = listens(lambda: asked(timeout=1))
    coming.result(20)
    answer = waiting.result(20)
    assert (answer.status_code, answer.json()["error"]) == (504, "timeout")
    assert "within 1 s" in answer.json()["error_description"]


# ---- who may ask and answer ------------------------------------------------------------------------------

REQUESTS = {
    "": {"provider": "corp", "timeout": 1},
    "/next": {"browser": "browser-1", "working": []},
    f"/{'x' * 43}": {"browser": "browser-1", "access_token": TOKEN},
}
paths = pytest.mark.parametrize("path", REQUESTS, ids=["ask", "next", "answer"])


@paths
def test_only_signed_in_users_are_answered(server, path):
    with server.client(signed_in=False) as client:
        client.cookies.set("_xsrf", "test")
        answer = client.post(PATH + path, json=REQUESTS[path], headers={"X-XSRFToken": "test"})
    assert (answer.status_code, answer.json()["error"]) == (403, "not_signed_in_to_jupyter")


@paths
@pytest.mark.parametrize("xsrf", [None, "wrong"])
def test_a_cookie_alone_is_not_enough(server, path, xsrf):
    with server.client(signed_in=False) as client:
        client.get(f"{server.jupyter.url}api/status", params={"token": server.jupyter.token})
        client.get(f"{server.jupyter.url}tree", follow_redirects=True)
        own = client.cookies.get("_xsrf") or ""
        assert own
        refused = client.post(PATH + path, json=REQUESTS[path], headers={"X-XSRFToken": xsrf} if xsrf else {})
        assert refused.status_code == 403
        if path != "/next":
            taken = client.post(PATH + path, json=REQUESTS[path], headers={"X-XSRFToken": own})
            assert taken.status_code in {404, 409}


@paths
def test_another_hosts_name_is_refused(server, path):
    with server.client() as client:
        answer = client.post(PATH + path, json=REQUESTS[path], headers={"Host": "evil.example.com"})
    assert answer.status_code == 403


@paths
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_nothing_is_asked_or_taken_by_another_method(server, path, method):
    with server.client() as client:
        assert client.request(method, PATH + path).status_code in {404, 405}


JSON = {"Content-Type": "application/json"}
WRONG = {
    "cut off": ({"content": b"{", "headers": JSON}, 400),
    "deep": ({"content": b"[" * 60_000, "headers": JSON}, 400),
    "no text": ({"content": b"\xff\xfe", "headers": JSON}, 400),
    "a list": ({"json": ["corp"]}, 400),
    "empty": ({"json": {}}, 400),
    "other types": ({"json": {"provider": 5, "browser": "../x", "timeout": 1, "access_token": 5}}, 400),
    "a second line": ({"json": {"provider": "", "timeout": 1, "browser": "b", "access_token": "a\nb"}}, 400),
    "no number": ({"json": {"provider": "corp", "timeout": True, "browser": "b", "working": "all"}}, 400),
    "for ever": ({"json": {"provider": "corp", "timeout": 1e9, "browser": "b", "error": "x"}}, 400),
    "long names": ({"json": {"provider": "x" * 9000, "timeout": 1, "browser": "b" * 999}}, 400),
    "huge": ({"json": {"provider": "x" * 100_000}}, 413),
    "a form": ({"data": {"provider": "corp", "timeout": "1", "browser": "b"}}, 415),
}


@paths
@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_request_is_refused(server, path, what):
    how, status = WRONG[what]
    with server.client() as client:
        answer = client.post(PATH + path, **how)
    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_request")
    assert "corp" not in answer.text


def test_each_user_of_a_server_is_answered_by_their_own_pages(start_server):
    people = start_server(
        config={
            "ServerApp": {"identity_provider_class": "people.People"},
        },
        env={"PYTHONPATH": str(Path(__file__).parent)},
    )

    def client(name):
        address = people.address("")
        return httpx.Client(base_url=address, headers={"Authorization": f"token {name}"}, timeout=30)

    def ask(who, timeout=1):
        return who.post(PATH, json={"provider": "corp", "timeout": timeout})

    with client("alice") as alice, client("bob") as bob, ThreadPoolExecutor(4) as pool:
        of_bob = Browser(bob, "bobs")
        coming = pool.submit(of_bob.next)
        deadline = time.monotonic() + 20
        while ask(bob, 0.1).status_code == 409:
            assert time.monotonic() < deadline
        coming.result(20)
        coming = pool.submit(of_bob.next)
        assert ask(alice).status_code == 409
        waiting = pool.submit(ask, bob, 20)
        question = coming.result(20).json()
        # Whoever guesses an id is still nobody.
        assert Browser(alice, "bobs").answer(question, access_token="of-alice").status_code == 404
        assert of_bob.answer(question, access_token="of-bob").status_code == 204
        assert waiting.result(20).json() == {"access_token": "of-bob"}
