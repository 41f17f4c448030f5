"""Real kernels of both lines of ipykernel, and their side of the conversation with a browser.

`kernel`
    A kernel (`kernel_process.KernelProcess`), for each of the two lines; shared by a module's tests.
`login(**options)`
    An `OIDCLogin` in this process, where no kernel runs; forgotten after the test.
`approve(w, login)`
    The person opens the link that is shown, and allows it.
`signed_in(person, **options)`
    A widget with a session.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from kernel_process import KernelProcess
from oidc_widget import OIDCLogin
from providers.http_person import HttpPerson
from shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", params=["python3", "ipykernel6"])
def kernel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KernelProcess]:
    with contextlib.closing(KernelProcess(request.param, tmp_path_factory.mktemp("kernel"))) as process:
        yield process


@pytest.fixture
def login(provider):
    made = []

    def make(**options):
        made.append(OIDCLogin(provider.issuer, provider.client_id, **options))
        return made[-1]

    yield make
    for w in made:
        w._sign_in.source.cancel()
        w.sign_out()


@pytest.fixture
def approve():
    def visit(w, login="alice"):
        with HttpPerson(login) as person:
            person.visit(shown(w)["device"]["verification_uri_complete"])

    return visit


@pytest.fixture
def signed_in(login, approve):
    def make(person="alice", **options):
        w = login(**options)
        w.sign_in()
        approve(w, person)
        w.wait(20)
        return w

    return make
