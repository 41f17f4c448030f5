"""The two distributions: what is in them, and that they install and work without Node."""

# ruff: noqa: S603 - what is run is this test's own
from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[1]
VERSION = str(Version(json.loads((ROOT / "package.json").read_text("utf-8"))["version"]))
PROJECTS = {"oidc_widget_core": ROOT / "core", "oidc_widget": ROOT}
LABEXTENSION = "share/jupyter/labextensions/oidc-widget/"
#: The time that builds are told, so that what is built twice is the same (https://reproducible-builds.org).
EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}
#: What an API may be made to install: core itself, four for signatures, seven for requests.
PACKAGES_OF_AN_API = 12
JUPYTER = ("anywidget", "comm", "ipy", "jupyter", "nb", "notebook", "pyzmq", "tornado", "traitlets")


class Environment:
    """A virtual environment with nothing of this one, of Node and of the machine's own Jupyter."""

    def __init__(self, folder):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "clean"], check=True)
        self.programs = folder / "clean" / ("Scripts" if os.name == "nt" else "bin")
        self._folder = folder
        self._alone = {
            "PATH": str(self.programs),
            "HOME": str(folder),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
        }

    def pip(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "pip", "--python", self.programs / "python", *arguments],
            env={**os.environ, "PATH": str(self.programs)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def install(self, *what):
        self.pip("install", "-q", "--no-compile", *what)

    def installed(self):
        return {package["name"].lower() for package in json.loads(self.pip("list", "--format", "json"))}

    def run(self, program, *arguments, check=True):
        done = subprocess.run(
            [self.programs / program, *arguments],
            env=self._alone,
            capture_output=True,
            text=True,
            check=check,
            cwd=self._folder,
        )
        return done.stdout + done.stderr


def build_sources(folder, **environment):
    """Build the source distributions around the frontend as it was built last; both at once."""
    building = [
        subprocess.Popen(
            [sys.executable, "-m", "build", "--sdist", "--outdir", folder, project],
            env={**os.environ, "SKIP_JUPYTER_BUILDER": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for project in PROJECTS.values()
    ]
    for build in building:
        said, _ = build.communicate()
        assert build.returncode == 0, said.decode()
    return {name: folder / f"{name}-{VERSION}.tar.gz" for name in PROJECTS}


def build_wheels(sources, folder, **environment):
    """Build the wheels of what the source distributions hold, where there is no Node."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, *sources.values()],
        env={**os.environ, "PATH": str(Path(sys.executable).parent), **environment},
        check=True,
        capture_output=True,
    )
    return {name: folder / f"{name}-{VERSION}-py3-none-any.whl" for name in PROJECTS}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return build_sources(tmp_path_factory.mktemp("sources"), **EPOCH)


@pytest.fixture(scope="module")
def wheels(sources, tmp_path_factory):
    return build_wheels(sources, tmp_path_factory.mktemp("wheels"), **EPOCH)


def names_in(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def metadata_of(wheel):
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return HeaderParser().parsestr(archive.read(name).decode())


@pytest.mark.parametrize("name", PROJECTS)
def test_nothing_is_in_a_wheel_twice_and_nothing_that_is_not_wanted(wheels, name):
    """Neither tests nor sources of the frontend."""
    names = names_in(wheels[name])
    assert [each for each, count in Counter(names).items() if count > 1] == []
    tops = {each.split("/")[0] for each in names}
    info = f"{name}-{VERSION}.dist-info"
    assert tops == {info, "oidc_widget" if name == "oidc_widget_core" else f"{name}-{VERSION}.data"}
    assert f"{info}/licenses/LICENSE" in names
    sources = (".ts", ".map", ".pyc", ".tsbuildinfo")
    assert [each for each in names if each.endswith(sources) or "node_modules" in each] == []


def test_the_whole_package_is_in_core(wheels):
    here = ROOT / "src" / "oidc_widget"
    wanted = {
        path.relative_to(here.parent).as_posix()
        for path in here.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "labextension" not in path.parts
    }
    assert {
        "oidc_widget/py.typed",
        "oidc_widget/static/widget.js",
        "oidc_widget/static/callback.js",
    } <= wanted
    assert {name for name in names_in(wheels["oidc_widget_core"]) if ".dist-info/" not in name} == wanted


def test_the_labextension_and_the_servers_configuration_are_in_the_other(wheels):
    data = {name.partition(".data/data/")[2] for name in names_in(wheels["oidc_widget"])}
    lab = {name.removeprefix(LABEXTENSION) for name in data if name.startswith(LABEXTENSION)}
    assert {"package.json", "install.json", "static/sign-in.js", "static/vault.js", "static/style.js"} <= lab
    assert any(name.startswith("static/remoteEntry.") for name in lab)
    assert "etc/jupyter/jupyter_server_config.d/oidc_widget.json" in data


def test_both_have_one_version_and_the_other_wants_core_at_exactly_that(wheels):
    metadata = {name: metadata_of(wheel) for name, wheel in wheels.items()}
    assert {each["Version"] for each in metadata.values()} == {VERSION}
    assert f"oidc-widget-core=={VERSION}" in metadata["oidc_widget"].get_all("Requires-Dist")


@pytest.mark.parametrize("name", PROJECTS)
def test_a_source_distribution_has_what_was_built(sources, name):
    with tarfile.open(sources[name]) as archive:
        names = {each.partition("/")[2] for each in archive.getnames()}
    assert {"LICENSE", "README.md", "PKG-INFO", "src/oidc_widget/static/widget.js"} <= names
    assert (name == "oidc_widget") == ("src/oidc_widget/labextension/static/vault.js" in names)


def test_what_is_built_twice_is_the_same(sources, wheels, tmp_path):
    """Also by somebody else, elsewhere: in another time zone, with other habits for new files."""
    elsewhere = {**EPOCH, "TZ": "Pacific/Auckland", "PYTHONHASHSEED": "1"}
    before = os.umask(0o077)
    try:
        sources_again = build_sources(tmp_path, **elsewhere)
        wheels_again = build_wheels(sources_again, tmp_path, **elsewhere)
    finally:
        os.umask(before)
    assert digests(sources) == digests(sources_again)
    assert digests(wheels) == digests(wheels_again)


def digests(built):
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in built.items()}


@pytest.mark.parametrize(
    ("name", "checks"),
    # The other one has nothing but data, which this program takes for an empty wheel.
    [("oidc_widget_core", ["--no-config"]), ("oidc_widget", ["--no-config", "--ignore", "W007"])],
)
def test_the_index_and_those_who_install_find_what_they_expect(sources, wheels, name, checks):
    for command in (
        ["twine", "check", "--strict", sources[name], wheels[name]],
        ["check-wheel-contents", *checks, wheels[name]],
    ):
        program = Path(sys.executable).with_name(command[0])
        done = subprocess.run(
            [program, *command[1:]],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout


def test_what_the_index_shows_links_to_files_of_the_repository_at_this_version(wheels):
    text = metadata_of(wheels["oidc_widget"]).get_payload()
    links = re.findall(r"\]\(([^)#]+)|(?:src|srcset)=\"([^\"]+)", text)
    addresses = {link or picture for link, picture in links}
    assert [each for each in addresses if not each.startswith("https://")] == []
    own = re.compile(rf"https://github\.com/oidc-widget/oidc-widget/(?:blob|raw)/v{re.escape(VERSION)}/(.+)")
    paths = [found[1] for each in addresses if (found := own.match(each))]
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_core_without_the_frontend_is_not_built(tmp_path):
    """Where nothing was built, a wheel that lacks the widget must not come of it."""
    for part in ("core", "src", "package.json"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    shutil.rmtree(tmp_path / "src/oidc_widget/static")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", tmp_path / "core"],
        env={**os.environ, "SKIP_JUPYTER_BUILDER": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode
    assert "widget.js" in done.stdout + done.stderr
    assert not list(tmp_path.glob("dist/*.whl"))


def test_an_api_installs_core_and_nothing_of_jupyter(wheels, tmp_path):
    api = Environment(tmp_path)
    api.install(wheels["oidc_widget_core"])
    installed = api.installed()
    assert len(installed) <= PACKAGES_OF_AN_API, installed
    assert [name for name in installed if name.startswith(JUPYTER)] == []
    program = "import oidc_widget.verify as v; print(v.TokenVerifier, v.TokenVerifier.__module__)"
    assert "oidc_widget.verify" in api.run("python", "-c", program)
    assert api.run("python", "-c", "import oidc_widget; print(oidc_widget.__version__)").strip() == VERSION
    assert "usage: oidc-widget" in api.run("oidc-widget", "--help")
    for name in ("OIDCLogin", "authenticate"):
        said = api.run("python", "-c", f"from oidc_widget import {name}", check=False)
        assert "pip install oidc-widget" in said.splitlines()[-1]


def lines_of(name, text):
    lines = (line.strip() for line in text.splitlines())
    return " | ".join(line for line in lines if line.startswith(f"{name} "))


def test_together_they_are_the_widget_the_labextension_and_the_servers_extension(wheels, tmp_path):
    person = Environment(tmp_path)
    person.install("--find-links", wheels["oidc_widget_core"].parent, wheels["oidc_widget"], "jupyterlab")
    for listing in (
        lines_of("oidc-widget", person.run("jupyter-labextension", "list")),
        lines_of("oidc_widget", person.run("jupyter-server", "extension", "list")),
    ):
        assert "enabled" in listing
        assert "OK" in listing
    program = "from oidc_widget import OIDCLogin; print(OIDCLogin('https://idp.example.com', 'notebooks'))"
    assert "status='signed_out'" in person.run("python", "-c", program)
