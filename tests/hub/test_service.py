"""The Hub's service: who is sent on to a server, as far as the Hub's library has the last word."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import httpx
import pytest
from jupyterhub.services.auth import UserNotAllowed
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from oidc_widget.hub.service import CallbackHandler

SERVER = {"name": "", "url": "/base/user/alice/", "full_url": None, "ready": True}
ALICE = {"name": "alice", "servers": {"": SERVER}}


#: The service as the Hub starts it, which says when it is up.
RUN = """
from tornado.ioloop import IOLoop
from oidc_widget.hub.service import main
IOLoop.current().add_callback(print, "runs", flush=True)
main()
"""


async def come_back(check, user=ALICE):
    """Come back from the provider to a service whose library judges the Hub's user so."""

    async def user_for_token(*_, **__):
        return user

    class Handler(CallbackHandler):
        # The Hub's own refusals come before it sends anybody to a service, so a real one never asks for this.
        hub_auth = SimpleNamespace(
            get_token=lambda _: "obvious-test-value", user_for_token=user_for_token, login_url="/hub/login"
        )
        check_hub_user = staticmethod(check)

    listening, port = bind_unused_port()
    server = HTTPServer(Application([("/callback", Handler)]))
    server.add_sockets([listening])
    origin = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as browser:
            target = f"{origin}/base/user/alice/oidc-widget/callback".encode()
            state = f"{'r' * 43}.{base64.urlsafe_b64encode(target).rstrip(b'=').decode()}"
            return await browser.get(f"{origin}/callback", params={"state": state, "code": "a"})
    finally:
        server.stop()


def refuse(user):
    raise UserNotAllowed(user)


async def test_who_is_allowed_is_sent_on():
    answer = await come_back(lambda user: user)
    assert answer.status_code == 302
    assert "/base/user/alice/oidc-widget/callback?" in answer.headers["Location"]


@pytest.mark.parametrize("check", [lambda _: None, refuse], ids=["by nothing", "by an exception"])
async def test_who_is_refused_is_not(check):
    answer = await come_back(check)
    assert answer.status_code == 403
    assert "Location" not in answer.headers


def test_the_hub_ends_it_without_a_traceback():
    listening, port = bind_unused_port()
    listening.close()
    environment = {
        **os.environ,
        "JUPYTERHUB_API_TOKEN": "obvious-test-value",
        "JUPYTERHUB_CLIENT_ID": "service-oidc-widget",
        "JUPYTERHUB_SERVICE_PREFIX": "/services/oidc-widget/",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
    }
    with subprocess.Popen(  # noqa: S603  # this test's own
        [sys.executable, "-c", RUN], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as service:
        assert service.stdout.readline() == b"runs\n"
        service.send_signal(signal.SIGINT)
        _, said = service.communicate()
    assert (service.returncode, said) == (0, b"")
