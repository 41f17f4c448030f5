"""`w.token()` in real kernels of both lines: what is asked of the page, and who gets the answer."""

from __future__ import annotations

import pytest

HUNDRED = """
import threading
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(100)
gate = threading.Barrier(101)
def ask():
    gate.wait()
    return w.token(timeout=20)
asked = [pool.submit(ask) for _ in range(100)]
gate.wait()
print('asked')
print({future.result() for future in asked})
"""


def start_and_ask(kernel, code):
    """Start a cell, and return it with the one question that reaches the page."""
    before = len(kernel.told)
    cell = kernel.start(code)
    return cell, kernel.wait_for_message("refresh", after=before)


@pytest.fixture
def link(kernel):
    kernel.login()
    kernel.page()
    return kernel


def test_a_hundred_threads_on_an_expired_token_ask_once(link):
    link.token("w", "old", expires_in=0)
    link.told.clear()
    cell, question = start_and_ask(link, HUNDRED)
    link.hear_until(lambda: "asked" in cell.output, "the threads")
    link.token("w", "new")
    link.answer("w", question, "new")
    assert "{'new'}" in cell.finish()
    assert len(link.messages("refresh")) == 1


def test_the_answer_alone_is_enough_where_the_token_itself_was_lost(link):
    link.token("w", "old", expires_in=10)
    cell, question = start_and_ask(link, "w.token(), w.access_token, w.claims['name']")
    link.answer("w", question, "new")
    assert cell.finish() == "('new', 'new', 'Alice Adams')"


def test_a_token_with_enough_left_is_no_reason_to_ask(link):
    link.token("w", "good", expires_in=100)
    before = len(link.messages("refresh"))
    assert link.run("w.token(), w.token(min_ttl=90)") == "('good', 'good')"
    assert len(link.messages("refresh")) == before


def test_a_provider_of_short_lived_tokens_is_not_asked_each_time(link):
    link.token("w", "old", expires_in=30)
    cell, _ = start_and_ask(link, "w.token(min_ttl=60)")
    link.token("w", "short", expires_in=50)
    assert cell.finish() == "'short'"
    before = len(link.messages("refresh"))
    assert link.run("w.token(min_ttl=60)") == "'short'"
    assert len(link.messages("refresh")) == before
    link.token("w", "half over", expires_in=20, lifetime=50)
    start_and_ask(link, "w.token(timeout=0)")[0].fail()


def test_a_token_for_another_api_is_asked_for_once_and_kept(link):
    link.token("w", "own")
    api = "resource='https://api.example/', scopes=['write', 'read']"
    cell, question = start_and_ask(link, f"w.token({api})")
    assert question["resource"] == "https://api.example/"
    assert question["scopes"] == ["read", "write"]
    link.answer("w", question, "theirs")
    assert cell.finish() == "'theirs'"
    before = len(link.messages("refresh"))
    assert link.run(f"w.token({api}), w.token()") == "('theirs', 'own')"
    assert len(link.messages("refresh")) == before


def test_a_token_for_another_api_is_asked_for_again_when_short_of_time(link):
    link.token("w", "own")
    cell, question = start_and_ask(link, "w.token(resource='https://api.example/')")
    link.deliver("w", "answer", id=question["id"], access_token="a", expires_in=30, lifetime=3600)
    assert cell.finish() == "'a'"
    cell, question = start_and_ask(link, "w.token(resource='https://api.example/')")
    link.answer("w", question, "b")
    assert cell.finish() == "'b'"


def test_asking_for_what_was_signed_in_for_is_asking_for_nothing_else(kernel):
    kernel.login(resource="https://api.example/", scopes=["openid", "read"])
    kernel.token("w", "own")
    assert kernel.run("w.token(resource='https://api.example/', scopes='read openid')") == "'own'"


def test_signing_out_ends_the_wait_and_forgets_every_token(link):
    link.token("w", "own")
    cell, question = start_and_ask(link, "w.token(resource='https://api.example/')")
    link.answer("w", question, "theirs")
    cell.finish()
    cell, _ = start_and_ask(link, "w.token(resource='https://other.example/')")
    link.deliver("w", "status", status="signed_out", ended=True)
    assert "The sign-in has ended" in cell.fail()
    error = link.start("w.token(resource='https://api.example/')").fail()
    assert "TokenError" in error
    assert "Nobody is signed in" in error


def test_signing_out_holds_although_no_page_heard_of_it(link):
    link.token("w", "first", session="s-1")
    link.run("w.sign_out()")
    reply = link.deliver_and_hear("w", "token", access_token="renewed", expires_in=3600, session="s-1")
    assert reply == {"status": "ok", "signed_out": True}
    assert link.run("w.access_token, w.status") == "(None, 'signed_out')"
    link.token("w", "anew", session="s-2")
    assert link.run("w.access_token") == "'anew'"


def test_another_persons_sign_in_takes_over_no_token(link):
    link.token("w", "alices")
    cell, question = start_and_ask(link, "w.token(resource='https://api.example/')")
    link.answer("w", question, "alices-api")
    cell.finish()
    link.token("w", "bobs", claims={"sub": "b-1002"}, account="Bob")
    cell, question = start_and_ask(link, "w.token(resource='https://api.example/')")
    link.answer("w", question, "bobs-api")
    assert cell.finish() == "'bobs-api'"


def test_a_refusal_is_an_exception_with_its_code_and_cause(link):
    link.token("w", "old", expires_in=0)
    cell, question = start_and_ask(
        link,
        "from oidc_widget.errors import *\n"
        "try:\n    w.token()\n"
        "except TokenError as error:\n    print(error.code, error, repr(error.__cause__))",
    )
    problem = {"code": "invalid_grant", "message": "The sign-in is over.", "hint": "Sign in again."}
    link.deliver("w", "answer", id=question["id"], error=problem)
    output = cell.finish()
    assert output.startswith("invalid_grant The sign-in is over. Sign in again. https://")
    assert "#invalid_grant TokenError(" in output


def test_no_answer_ends_in_time_and_the_next_call_asks_anew(link):
    link.token("w", "old", expires_in=0)
    cell, first = start_and_ask(link, "w.token(timeout=0.05)")
    assert "No fresh token came within 0.05 s" in cell.fail()
    cell, second = start_and_ask(link, "w.token(timeout=20)")
    assert second["id"] != first["id"]
    link.answer("w", second, "new")
    assert cell.finish() == "'new'"


def test_awaiting_a_fresh_token_needs_no_express_lane_for_the_question(link):
    link.token("w", "old", expires_in=0)
    cell, question = start_and_ask(link, "await w.token_async(timeout=20)")
    link.answer("w", question, "new")
    assert cell.finish() == "'new'"


def test_the_token_is_in_nothing_that_is_shown_or_published(link):
    link.token("w", "S3CRET", id_token="1DT0KEN")
    shown = link.run("w")
    link.run(
        "state = w._sign_in.state.now\n"
        "print(repr(w), str(w), state, state._asdict(), w.get_state(), w._repr_mimebundle_())"
    )
    assert "OIDCLogin(authority='https://idp.example', client_id='notebooks', status='signed_in')" in shown
    everything = repr((link.outputs, link.displays, link.told))
    assert "S3CRET" not in everything
    assert "1DT0KEN" not in everything
    assert "<p>" in link.displays[-1]["text/html"]


REFUSAL = {"code": "no_token", "message": "Nobody is signed in.", "hint": "Sign in first."}


def test_another_browser_in_which_nobody_is_signed_in_does_not_speak_for_the_first(link):
    link.token("w", "old", expires_in=0)
    cell, question = start_and_ask(link, "w.token(timeout=20)")
    link.deliver("w", "answer", id=question["id"], vault="of another browser", error=REFUSAL)
    link.answer("w", question, "new")
    assert cell.finish() == "'new'"


def test_a_browser_that_was_closed_speaks_no_more(link):
    link.token("w", "old", expires_in=0)
    cell, question = start_and_ask(link, "w.token(timeout=60)")
    link.deliver("w", "answer", id=question["id"], vault="of the page after a reload", error=REFUSAL)
    assert "Nobody is signed in. Sign in first." in cell.fail()


def test_with_no_page_left_a_request_ends_soon_and_the_next_one_sooner(link):
    link.token("w", "old", expires_in=0)
    link.run(
        "import oidc_widget.signin.browser_source as source\n"
        "source.PATIENCE, source._LAST_PATIENCE = 0.5, 0.05\n"
        "import time\n"
        "def ask():\n"
        "    begun = time.perf_counter()\n"
        "    try: w.token()\n"
        "    except Exception as error: return error.code, time.perf_counter() - begun"
    )
    try:
        (first, slow), (second, quick) = eval(link.run("ask(), ask()"))  # noqa: S307  # what this very test printed
        assert (first, second) == ("no_page", "no_page")
        assert quick < slow < 10
        link.run("source._LAST_PATIENCE = 5.0")  # time for a page to come
        cell, question = start_and_ask(link, "w.token(timeout=20)")
        link.page()
        link.answer("w", question, "new")
        assert cell.finish() == "'new'"
    finally:
        link.run("source.PATIENCE, source._LAST_PATIENCE = 5.0, 1.0")


def test_a_page_that_answers_the_call_may_take_its_time_for_the_token(link):
    link.token("w", "old", expires_in=0)
    link.run("import oidc_widget.signin.browser_source as source; source.PATIENCE = 0.5")
    try:
        cell, question = start_and_ask(link, "w.token(timeout=20)")
        link.page()
        with pytest.raises(TimeoutError):
            link.hear_until(lambda: cell.message_id in link.idle, "the end", patience=1.5)
        link.answer("w", question, "new")
        assert cell.finish() == "'new'"
    finally:
        link.run("source.PATIENCE = 5.0")
