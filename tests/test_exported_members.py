"""What the package says it offers is what it offers, and importing it loads nothing that is not needed."""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import oidc_widget

#: Where `__all__` is a promise to people.
PUBLIC = ["oidc_widget", "oidc_widget.errors", "oidc_widget.verify"]


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_sorted_and_every_name_is_there(name):
    module = import_module(name)
    assert list(module.__all__) == sorted(module.__all__)
    for member in module.__all__:
        assert getattr(module, member) is not None


def test_dir_and_all_agree():
    assert dir(oidc_widget) == oidc_widget.__all__


def test_a_name_stays_what_it_is_when_its_module_has_been_loaded():
    for _ in range(2):
        assert callable(oidc_widget.authenticate)
    submodules = {module.name for module in pkgutil.iter_modules(oidc_widget.__path__)}
    assert submodules & set(oidc_widget.__all__) == {"errors", "hub", "verify"}


def test_every_error_is_exported_has_a_code_of_its_own_and_stands_in_the_drawn_tree():
    errors = oidc_widget.errors
    classes = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.OIDCError) and not name.startswith("_")
    }
    assert sorted(classes) == sorted(errors.__all__)
    codes = [cls.default_code for cls in classes.values()]
    assert len(set(codes)) == len(codes)
    drawn = {line.split("── ")[1].split()[0] for line in errors.__doc__.splitlines() if "── " in line}
    assert drawn == set(classes) - {"OIDCError"}


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        oidc_widget.nothing  # noqa: B018  # the access itself is what raises


#: What only a kernel has, and what only a Jupyter server has beside it.
WIDGETS = {"IPython", "anywidget", "comm", "ipykernel", "ipywidgets"}
SERVER = {"jupyter_client", "jupyter_core", "jupyter_server", "jupyterhub", "tornado", "traitlets", "zmq"}
OF_AN_API = ["oidc_widget", "oidc_widget.errors", "oidc_widget.verify", "oidc_widget.verify.flask"]
OF_AN_API += ["oidc_widget.verify.fastapi", "oidc_widget.demo.api", "oidc_widget.cli", "oidc_widget.relay"]


def loaded_by(name):
    code = f"import json, sys, {name}; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return {module.partition(".")[0] for module in json.loads(result.stdout)}


@pytest.mark.parametrize("name", ["oidc_widget.server", "oidc_widget.hub", "oidc_widget.hub.service"])
def test_a_server_process_loads_no_widget(name):
    loaded = loaded_by(name)
    assert "traitlets" in loaded, "this is no server process"
    assert not loaded & (WIDGETS | {"requests"})


@pytest.mark.parametrize("name", OF_AN_API)
def test_an_api_loads_no_jupyter(name):
    assert not loaded_by(name) & (WIDGETS | SERVER)


def test_what_the_readme_writes_is_there_after_the_imports_that_it_writes():
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    imports = re.findall(r"from (oidc_widget[\w.]*) import ([\w, ]+)", readme)
    assert len(imports) >= 3
    for module, names in imports:
        assert all(hasattr(import_module(module), name.strip()) for name in names.split(","))
    assert set(re.findall(r"`oidc_widget\.(\w+)[^`]*\(", readme)) <= set(oidc_widget.__all__)


def test_type_checkers_see_the_types():
    assert Path(oidc_widget.__file__).with_name("py.typed").exists()
