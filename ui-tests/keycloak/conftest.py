"""The tests on a real Keycloak: run when their folder is asked for by name (`make test-keycloak`).

`keycloak`
    It, shared by the run and reset before each test, with the public client `notebooks` for the test's
    Jupyter server (`providers.keycloak.Keycloak`).
`bare_keycloak`
    The same without that client, for tests without Jupyter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from providers.keycloak import Keycloak

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evidence import Evidence
    from jupyter_process import JupyterServer


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Keep out of a run of everything: Keycloak is 180 MB to fetch, and takes half a minute to stand."""
    folder = collection_path.parent
    asked = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
    return None if any(folder in (path, path.parent) for path in asked) else True


@pytest.fixture(scope="session")
def _starting_keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    # It takes a while, in which Jupyter and the browser start too.
    with Keycloak(tmp_path_factory.mktemp("keycloak"), wait=False) as keycloak:
        yield keycloak


@pytest.fixture
def bare_keycloak(_starting_keycloak: Keycloak, evidence: Evidence) -> Keycloak:
    evidence.watch_log(_starting_keycloak.log)
    _starting_keycloak.wait()
    _starting_keycloak.reset()
    return _starting_keycloak


@pytest.fixture
def keycloak(bare_keycloak: Keycloak, jupyter: JupyterServer) -> Keycloak:
    bare_keycloak.register_notebooks(jupyter.redirect_uri)
    return bare_keycloak
