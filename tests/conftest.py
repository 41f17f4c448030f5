"""What the tests without a browser share.

`provider`
    The certified provider of `ui-tests/`, shared by the run and reset before each test.
`start_provider(**settings)`
    Another one with settings of its own, ended after the test.
"""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from providers.oidc_provider import OidcProvider

# Nobody signs in where it is set (`signin/nobody.py`); the tests are the person, also in a CI job.
os.environ.pop("CI", None)

# A shell starts what is to run in the background with Ctrl-C ignored, and so would each program started here.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Begin with the wheel, whose tests take longest, so that they don't run alone at the end."""
    items.sort(key=lambda item: item.path.name != "test_wheel.py")


@pytest.fixture(scope="session")
def _shared_provider(tmp_path_factory):
    log = tmp_path_factory.mktemp("provider") / "provider.log"
    with log.open("w") as file, OidcProvider(log=file) as provider:
        yield provider


@pytest.fixture
def provider(_shared_provider):
    _shared_provider.reset()
    return _shared_provider


@pytest.fixture
def start_provider():
    with contextlib.ExitStack() as started:
        yield lambda **settings: started.enter_context(OidcProvider(**settings))
