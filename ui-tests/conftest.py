"""Fixtures of the browser tests: a real browser, a real JupyterLab, and real OpenID providers.

`lab`
    JupyterLab in a fresh browser context (`lab.Lab`); `lab.notebook([…])` opens a notebook
    (`notebook_page.Notebook`).
`jupyter`
    The server behind it, shared by the run and tidied after each test (`jupyter_server.JupyterServer`).
`provider`
    The certified provider, shared by the run and reset before each test, with the server's redirect addresses
    registered: for configured providers, and its own (`providers.oidc_provider.OidcProvider`).
`django_provider`
    A second, independent provider, started for the test, with the server's redirect address registered
    (`providers.django_provider.DjangoProvider`).
`start_jupyter(**options)`, `start_provider(**settings)`, `start_django_provider(**settings)`
    Another server or provider with options of its own, ended after the test.
`hub`
    A JupyterHub under a base_url, where everybody has a server: once on one domain, once with subdomains
    (`hub.Hub`).
`evidence`
    Used by every test with a page: on a failure, `test-results/<test>/` holds screenshots, console and logs;
    `evidence.console` has the console's lines.

The provider is at `127.0.0.1` and Jupyter at `localhost`, so that they are different sites to the browser.

>>> def test_sign_in(lab, provider):
...     login = f"w = oidc_widget.OIDCLogin({provider.issuer!r}, {provider.client_id!r}); w"
...     nb = lab.notebook([f"import oidc_widget; {login}", "w.claims['name']"])
...     nb.run(0)
...     with nb.popup() as popup:
...         nb.region.get_by_role("button", name="Sign in").click()
...     LoginForm(popup.value).sign_in("alice")
...     expect(nb.region).to_contain_text("Signed in as Alice Adams")
...     assert "Alice Adams" in nb.run(1)
"""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Error, expect
from xdist.scheduler import LoadScopeScheduling

import chromium
from evidence import Evidence
from hub import USERS, Hub
from jupyter_process import JupyterServer
from lab import Lab
from providers.django_provider import DjangoProvider
from providers.oidc_provider import OidcProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from playwright.sync_api import Browser, BrowserContext

#: Milliseconds that a page may take: two cores are shared by browser, server, kernels and provider.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)

FAILED = pytest.StashKey[bool]()

#: The two kinds of JupyterHub.
HUBS = ("one domain", "subdomains")


class HubsTogether(LoadScopeScheduling):
    """Each test goes to whoever is free, but those of one Hub together: it takes longer to start."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if "test_hub" not in file:
            return nodeid
        kinds = [kind for kind in HUBS if f"[{kind}" in test]
        return kinds[0] if kinds else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> HubsTogether:
    return HubsTogether(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    executable = chromium.provide()
    return {
        **browser_type_launch_args,
        **({"executable_path": executable} if executable else {}),
        "args": chromium.arguments(),
        # Playwright lets every popup through; people's browsers let through only those that a click opens.
        "ignore_default_args": ["--disable-popup-blocking"],
    }


@pytest.fixture
def evidence(request: pytest.FixtureRequest, output_path: str) -> Iterator[Evidence]:
    evidence = Evidence()
    yield evidence
    if request.node.stash.get(FAILED, False):
        evidence.keep(Path(output_path))


@pytest.fixture
def _servers() -> Iterator[contextlib.ExitStack]:
    """The servers of one test."""
    with contextlib.ExitStack() as servers:
        yield servers


@pytest.fixture
def context(_servers: contextlib.ExitStack, context: BrowserContext, evidence: Evidence) -> BrowserContext:
    # The pages close before their servers end: one that a page asks at that moment may start a thread that
    # nobody stops any more, and hang until it is killed.
    evidence.watch_context(context)
    return context


@pytest.fixture(scope="session")
def _shared_jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    with contextlib.closing(JupyterServer(tmp_path_factory.mktemp("jupyter"))) as server:
        yield server


@pytest.fixture
def jupyter(_shared_jupyter: JupyterServer, evidence: Evidence) -> Iterator[JupyterServer]:
    evidence.watch_log(_shared_jupyter.log)
    yield _shared_jupyter
    _shared_jupyter.forget()


@pytest.fixture
def start_jupyter(
    _servers: contextlib.ExitStack, tmp_path_factory: pytest.TempPathFactory, evidence: Evidence
) -> Callable[..., JupyterServer]:
    def start(**options: Any) -> JupyterServer:
        server = JupyterServer(tmp_path_factory.mktemp("jupyter"), **options)
        evidence.watch_log(server.log)
        return _servers.enter_context(contextlib.closing(server))

    return start


@pytest.fixture(scope="session")
def _provider_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("provider") / "provider.log"


@pytest.fixture(scope="session")
def _shared_provider(_provider_log: Path) -> Iterator[OidcProvider]:
    with _provider_log.open("w") as log, OidcProvider(log=log) as provider:
        yield provider


@pytest.fixture
def provider(
    _shared_provider: OidcProvider, _provider_log: Path, jupyter: JupyterServer, evidence: Evidence
) -> OidcProvider:
    evidence.watch_log(_provider_log)
    _shared_provider.reset()
    _shared_provider.configure(
        redirect_uris=jupyter.redirect_uris(_shared_provider.issuer), post_logout_redirect_uris=[jupyter.url]
    )
    return _shared_provider


@pytest.fixture
def start_provider(_provider_log: Path, evidence: Evidence) -> Iterator[Callable[..., OidcProvider]]:
    with contextlib.ExitStack() as started:
        log = started.enter_context(_provider_log.open("a"))
        evidence.watch_log(_provider_log)
        yield lambda **settings: started.enter_context(OidcProvider(log=log, **settings))


@pytest.fixture
def start_django_provider(
    tmp_path_factory: pytest.TempPathFactory, evidence: Evidence
) -> Iterator[Callable[..., DjangoProvider]]:
    with contextlib.ExitStack() as started:

        def start(**settings: Any) -> DjangoProvider:
            folder = tmp_path_factory.mktemp("django")
            log = started.enter_context((folder / "django.log").open("w"))
            evidence.watch_log(folder / "django.log")
            return started.enter_context(DjangoProvider(folder, log=log, **settings))

        yield start


@pytest.fixture
def django_provider(
    start_django_provider: Callable[..., DjangoProvider], jupyter: JupyterServer
) -> DjangoProvider:
    return start_django_provider(
        redirect_uris=[jupyter.redirect_uri],
        callbacks=[jupyter.redirect_uri],
        post_logout_redirect_uris=[jupyter.url],
        origins=[jupyter.origin],
    )


@pytest.fixture(scope="session", params=[False, True], ids=HUBS)
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    with contextlib.closing(Hub(folder, base_url="/some/hub/", subdomain=request.param)) as hub:
        hub.start_servers(USERS)
        yield hub


class KeptLab:
    """JupyterLab in a page that tests use one after the other: to load it takes most of a test's time."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._lab: Lab | None = None
        self._usable = False
        self._starts = 0

    def take(self, server: JupyterServer) -> Lab:
        if not self._usable or self._starts != server.starts:  # that page asks what became of the server
            self.close()
        self._starts = server.starts
        if self._lab is None:
            self._lab = Lab(self._browser.new_context().new_page(), server)
            self._lab.page.set_default_timeout(PATIENCE)
        self._usable = False  # until it is given back
        return self._lab

    def give_back(self, lab: Lab) -> None:
        # One that the test closed, or that went elsewhere, is closed with the next test. So is one that can't
        # be made as new, but that is to be looked into: it takes longer than a page of its own would have.
        if not lab.stands:
            return
        try:
            lab.tidy()
            self._usable = True
        except (Error, AssertionError) as error:
            warnings.warn(f"This page could not be made as new: {error}", stacklevel=1)

    def close(self) -> None:
        if self._lab is not None:
            self._lab.page.context.close()
        self._lab = None


@pytest.fixture(scope="session")
def _kept_lab(browser: Browser, _shared_jupyter: JupyterServer) -> Iterator[KeptLab]:
    with contextlib.closing(KeptLab(browser)) as kept:
        yield kept


@pytest.fixture
def lab(request: pytest.FixtureRequest, jupyter: JupyterServer, evidence: Evidence) -> Iterator[Lab]:
    if request.node.get_closest_marker("own_page"):
        page = request.getfixturevalue("page")
        page.set_default_timeout(PATIENCE)
        yield Lab(page, jupyter)
        return
    kept = request.getfixturevalue("_kept_lab")
    lab = kept.take(jupyter)
    evidence.watch_context(lab.page.context)
    yield lab
    evidence.leave_context(lab.page.context)
    if not request.node.stash.get(FAILED, False):  # else it is to be looked at first
        kept.give_back(lab)
