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


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_wants_what_the_distribution_wants(name):
    [output] = [each for each in loaded("recipe/recipe.yaml")["outputs"] if each["package"]["name"] == name]
    wanted = {Requirement(each) for each in metadata(name).get_all("Requires-Dist") if "extra ==" not in each}
    wanted = {f"{each.name} {each.specifier}" for each in wanted if each.name not in NAMES}
    run = {each for each in output["requirements"]["run"] if not each.startswith(("python ", "${{"))}
    assert run == wanted


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
