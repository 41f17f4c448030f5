"""What the kernel holds or is sent is in no log, and in no frame that a traceback shows."""

from __future__ import annotations

import pytest

from oidc_widget import OIDCLogin
from oidc_widget.signin import control_channel

SECRET = "S3CRET-ACCESS"
LINK = {"link_id": "x", "event": "token", "payload": {"access_token": SECRET}}


@pytest.mark.parametrize("event", ["token", "answer"])
def test_a_kernel_in_debug_mode_logs_nothing_of_what_the_lanes_carry(kernel, event):
    kernel.login()
    kernel.run(
        "import io, logging\n"
        "from ipykernel.kernelapp import IPKernelApp\n"
        "log = io.StringIO(); handler = logging.StreamHandler(log)\n"
        "for logger in (get_ipython().kernel.log, logging.getLogger('Comm'), logging.getLogger()):\n"
        "    logger.addHandler(handler); logger.setLevel(logging.DEBUG)"
    )
    payload = {"access_token": SECRET, "expires_in": 60, "id": "i", "id_token": "S3CRET-ID"}
    kernel.deliver("w", event, **payload)
    kernel.deliver_together(("w", event, payload), ("w", event, payload))
    kernel.deliver_by_comm("w", event, **payload)
    kernel.run("w.close()")
    kernel.deliver("w", event, **payload)
    kernel.deliver_together(("w", event, payload), ("w", event, payload))
    kernel.deliver_by_comm("w", event, **payload)
    # Late ones are logged too, before anybody looks whom they are for.
    kernel.run(
        "for logger in (get_ipython().kernel.log, logging.getLogger('Comm'), logging.getLogger()):\n"
        "    logger.removeHandler(handler); logger.setLevel(logging.WARNING)"
    )
    logged = kernel.run("print('oidc_widget_deliver' in log.getvalue(), 'S3CRET' in log.getvalue())")
    assert logged == "True False"


@pytest.mark.parametrize("waiting", ["w.token()", "w.token(resource='https://api.example/')"])
def test_an_interrupted_renewal_shows_no_token(kernel, waiting):
    kernel.login()
    kernel.page()
    kernel.token("w", SECRET, expires_in=30, id_token="S3CRET-ID")
    kernel.run("%xmode Verbose")
    before = len(kernel.told)
    cell = kernel.start(waiting)
    kernel.wait_for_message("refresh", after=before)
    kernel.interrupt()
    error = cell.fail()
    kernel.run("%xmode Context")
    assert "KeyboardInterrupt" in error
    assert "token_cache.py" in error
    assert "S3CRET" not in error
    # IPython shows the locals of the lines around; others show all.
    assert eval(kernel.run(FRAMES)) == (True, False)  # noqa: S307  # what this very test printed


@pytest.mark.parametrize("client", ["requests", "httpx"])
def test_a_retry_that_meets_a_dropped_connection_shows_no_token(kernel, client):
    if kernel.name != "python3":
        pytest.skip("its environment has no such clients")
    kernel.login()
    kernel.page()
    kernel.token("w", SECRET, expires_in=3600)
    kernel.run("%xmode Verbose")
    ask = {
        "requests": "import requests; s = requests.Session(); s.trust_env = False; s.get(url, auth=w.auth)",
        "httpx": "import httpx; httpx.Client(trust_env=False, auth=w.auth).get(url)",
    }[client]
    before = len(kernel.told)
    cell = kernel.start(
        "import socket, threading\n"
        "def serve(listening):\n"
        "    one, _ = listening.accept(); one.recv(65536)\n"
        "    one.sendall(b'HTTP/1.1 401 No\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n')\n"
        "    one.close()\n"
        "    two, _ = listening.accept(); two.recv(65536); two.close()\n"
        "listening = socket.create_server(('127.0.0.1', 0))\n"
        "threading.Thread(target=serve, args=(listening,), daemon=True).start()\n"
        "url = f'http://127.0.0.1:{listening.getsockname()[1]}/'\n" + ask
    )
    kernel.answer("w", kernel.wait_for_message("refresh", after=before), "S3CRET-NEW")
    error = cell.fail()
    kernel.run("%xmode Context")
    assert "rror" in error
    assert "S3CRET" not in error


FRAMES = """
import sys, traceback
all_of_them = [frame for frame, _ in traceback.walk_tb(sys.last_value.__traceback__)]
ours = [frame for frame in all_of_them if 'oidc_widget' in frame.f_code.co_filename]
(len(ours) > 2, any('S3CRET' in repr(value) for frame in ours for value in frame.f_locals.values()))
"""
MALFORMED = [
    ("token", {}),
    ("token", {"access_token": ""}),
    ("token", {"access_token": 5}),
    ("token", {"access_token": SECRET, "expires_in": "60"}),
    ("token", {"access_token": SECRET, "expires_in": float("nan")}),
    ("token", {"access_token": SECRET, "expires_in": "soon"}),
    ("token", {"access_token": f"{SECRET}\r\nX-Injected: 1", "expires_in": 300}),
    ("token", {"access_token": SECRET, "expires_in": True}),
    ("token", {"access_token": SECRET, "claims": ["sub"]}),
    ("token", {"access_token": SECRET, "claims": {1: 2}}),
    ("token", {"access_token": SECRET, "account": {"a": 1}}),
    ("token", {"access_token": SECRET, "id_token": 1}),
    ("token", {"access_token": SECRET, "seq": -1}),
    ("token", {"access_token": SECRET, "seq": "1"}),
    ("token", {"access_token": SECRET, "seq": 1.5}),
    ("token", {"access_token": SECRET, "vault": ["v"]}),
    ("token", {"access_token": SECRET, "session": {}}),
    ("token", [SECRET]),
    ("token", None),
    ("token", SECRET),
    ("status", {"status": "owned"}),
    ("status", {"status": ["signed_in"]}),
    ("status", {"status": "error", "error": "it"}),
    ("status", {"status": "error", "error": {"message": {"a": 1}}}),
    ("status", {"status": "signed_out", "ended": "yes"}),
    ("page", {"popup": "yes"}),
    ("page", {"popup": True, "redirect_uri": 5}),
    ("page", {"popup": True, "redirect_uri": "x" * 10000}),
    ("answer", {"access_token": SECRET}),
    ("answer", {"id": 5, "access_token": SECRET}),
    ("answer", {"id": "i"}),
    ("facts", {"id": {}}),
    ("explain", {"request": [], "attempt": 1}),
    ("explain", {"request": {}, "attempt": {}}),
    ("command", {"name": "format_disk"}),
    ("command", {"name": ["sign_in"]}),
    ("command", {"name": "paste"}),
    ("command", {"name": "paste", "address": 5}),
    ("owned", {}),
    (None, {}),
    (["token"], {}),
]


@pytest.mark.parametrize(("event", "payload"), MALFORMED, ids=repr)
@pytest.mark.parametrize("by_control", [True, False])
def test_a_malformed_message_is_dropped_with_one_warning_and_harms_nobody(event, payload, by_control, caplog):
    w, other = (OIDCLogin("https://idp.example", "notebooks", flow="popup") for _ in range(2))
    other.receive("token", {"access_token": "theirs"}, express=True)
    content = {"link_id": w._link_id, "event": event, "payload": payload}
    assert control_channel.deliver(content, by_control=by_control) == {
        "status": "error",
        "reason": "malformed",
    }
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert SECRET not in caplog.text
    assert (w.access_token, w.status, other.access_token) == (None, "signed_out", "theirs")
    w.receive("token", {"access_token": "good", "seq": 1}, express=by_control)
    assert w.access_token == "good"


@pytest.mark.parametrize("content", [None, [], "x", {}, {"link_id": 5}, {"link_id": ["x"]}, LINK], ids=repr)
def test_what_is_for_nobody_here_is_refused(content, caplog):
    assert control_channel.deliver(content, by_control=True)["status"] == "error"
    assert SECRET not in caplog.text


def test_malformed_messages_over_a_comm_raise_nothing(kernel):
    kernel.login()
    kernel.deliver_by_comm("w", "token", access_token=5)
    kernel.deliver_by_comm("w", "page", popup=False)
    kernel.wait_for_message("state")  # so the one before was taken in
    assert kernel.run("w.access_token") == ""


def test_hostile_pages_can_not_fill_the_memory():
    w = OIDCLogin("https://idp.example", "notebooks", flow="popup")
    for number in range(1000):
        w.receive("facts", {"id": str(number), "junk": "x" * 1000}, express=True)
        w.receive("status", {"status": "signed_out", "vault": str(number), "seq": 1}, express=True)
    assert len(w._sign_in.pages._facts) == 0
    assert len(w._sign_in._seen) < 100
