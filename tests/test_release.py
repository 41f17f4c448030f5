"""What a release is made with: files that no other test reads."""

from __future__ import annotations

import json
import os
import re
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from rattler_build import RenderConfig, Stage0Recipe, VariantConfig

from oidc_widget.errors import OIDCError

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/oidc-widget/oidc-widget"
DOCUMENTATION = "https://oidc-widget.readthedocs.io"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
NAMES = ("oidc-widget", "oidc-widget-core")


def read(name):
    return (ROOT / name).read_text("utf-8")


def loaded(name):
    return yaml.safe_load(read(name))


def test_all_files_name_one_repository_and_one_documentation():
    package = json.loads(read("package.json"))
    assert package["repository"]["url"] == f"git+{REPOSITORY}.git"
    assert package["homepage"] == DOCUMENTATION
    for name in NAMES:
        addresses = dict(each.split(", ") for each in metadata(name).get_all("Project-URL"))
        assert (addresses["Source"], addresses["Documentation"]) == (REPOSITORY, DOCUMENTATION)
    citation = loaded("CITATION.cff")
    assert (citation["repository-code"], citation["url"]) == (REPOSITORY, DOCUMENTATION)
    for output in loaded("recipe/recipe.yaml")["outputs"]:
        assert (output["about"]["repository"], output["about"]["documentation"]) == (
            REPOSITORY,
            DOCUMENTATION,
        )
    assert OIDCError("").help_url.startswith(f"{DOCUMENTATION}/en/stable/")


@pytest.fixture(scope="module")
def outputs():
    """What conda-forge's own builder makes of the recipe; it refuses what it does not know."""
    lowest = re.search(r">=([\d.]+)", metadata("oidc-widget")["Requires-Python"])[1]
    variant = VariantConfig.from_yaml(f'python_min: ["{lowest}"]')
    rendered = Stage0Recipe.from_yaml(read("recipe/recipe.yaml")).render(variant, RenderConfig())
    outputs = [each.recipe.to_dict() for each in rendered]
    return {each["package"]["name"]: each for each in outputs}


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_wants_what_the_distribution_wants(outputs, name):
    wanted = {Requirement(each) for each in metadata(name).get_all("Requires-Dist") if "extra ==" not in each}
    wanted = {f"{each.name} {each.specifier}" for each in wanted if each.name not in NAMES}
    run = outputs[name]["requirements"]["run"]
    others = {each for each in run if isinstance(each, str)}
    assert others == wanted | {f"python {metadata(name)['Requires-Python']}"}
    pins = [each["pin_subpackage"] for each in run if not isinstance(each, str)]
    assert pins == ([{"name": "oidc-widget-core", "exact": True}] if name == "oidc-widget" else [])


@pytest.mark.parametrize(("name", "project"), [("oidc-widget", "."), ("oidc-widget-core", "core")])
def test_the_recipe_builds_with_what_the_distribution_is_built_with(outputs, name, project):
    system = re.search(
        r"^\[build-system\]\nrequires = \[(.+?)^\]",
        read(f"{project}/pyproject.toml"),
        re.MULTILINE | re.DOTALL,
    )[1]
    wanted = {Requirement(each) for each in re.findall(r'"(.+?)"', system)}
    host = {each for each in outputs[name]["requirements"]["host"] if not each.startswith("python ")}
    assert {Requirement(each) for each in host - {"pip"}} == wanted


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_is_of_this_version(outputs, name):
    version = str(Version(json.loads(read("package.json"))["version"]))
    assert outputs[name]["package"]["version"] == version
    [source] = outputs[name]["source"]
    assert source["url"].endswith(f"/{name}/{name.replace('-', '_')}-{version}.tar.gz")


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_pins_its_actions_and_says_what_it_may(file):
    workflow = yaml.safe_load(file.read_text("utf-8"))
    # YAML 1.1 takes `on` for a truth value.
    assert workflow["name"]
    assert workflow[True]
    for job in workflow["jobs"].values():
        assert "permissions" in job or "permissions" in workflow
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert re.search(r"@(v\d+|[0-9a-f]{40})$", step.get("uses", "@v0"))


def test_the_oldest_and_the_newest_python_are_tried():
    matrix = loaded(".github/workflows/test.yml")["jobs"]["package"]["strategy"]["matrix"]
    tried = {*matrix["python"], *(each["python"] for each in matrix["include"])}
    classifiers = metadata("oidc-widget").get_all("Classifier")
    said = {found[1] for each in classifiers if (found := re.search(r":: (3\.\d+)$", each))}
    assert tried == said


@pytest.mark.parametrize(
    "name",
    [
        ".github/dependabot.yml",
        ".github/ISSUE_TEMPLATE/bug.yml",
        ".github/ISSUE_TEMPLATE/config.yml",
        ".github/ISSUE_TEMPLATE/idea.yml",
        ".readthedocs.yaml",
    ],
)
def test_a_file_for_a_service_can_be_read(name):
    assert loaded(name)


def test_what_runs_before_a_commit_is_what_is_checked():
    checked = read("Makefile") + read("package.json")
    for hook in loaded(".pre-commit-config.yaml")["repos"][0]["hooks"]:
        program = re.sub(r"^(\.venv/bin/|npx )", "", hook["entry"]).split()[0]
        assert program in checked


def test_what_binder_installs_and_enables_is_of_this_package():
    installed = Requirement(read("binder/requirements.txt").strip())
    assert (installed.name, installed.extras) == ("oidc-widget", {"demo"})
    [enabled] = re.findall(r'"([\w.]+)": true', read("binder/postBuild"))
    assert find_spec(enabled)
    assert os.access(ROOT / "binder/postBuild", os.X_OK)


def test_a_container_for_development_is_set_up_by_a_step_of_the_makefile():
    # Comments, which this format has.
    container = json.loads(re.sub(r"^//.*$", "", read(".devcontainer/devcontainer.json"), flags=re.MULTILINE))
    target = container["postCreateCommand"].removeprefix("make ")
    assert re.search(rf"^{re.escape(target)}:", read("Makefile"), re.MULTILINE)
