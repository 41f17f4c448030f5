"""How the documentation is made: `make docs`, or on Read the Docs by `.readthedocs.yaml`."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets import HasTraits

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]

project = "oidc_widget"
project_copyright = "2026, the oidc_widget maintainers"
version = release = json.loads((ROOT / "package.json").read_text("utf-8"))["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

# GitHub shows the same files, so links are as there: to files, and to headings by GitHub's names for them.
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say them in words, with units
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = "oidc_widget"
html_theme_options = {"navigation_with_keys": True}
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["diagrams.css"]


def setup(app: Sphinx) -> None:
    """Show a widget's own parameters, which its metaclass hides."""
    app.connect("autodoc-process-signature", _own_signature)


def _own_signature(_app: Sphinx, what: str, _name: str, subject: Any, *_: object) -> tuple[str, None] | None:
    if what != "class" or not issubclass(subject, HasTraits):
        return None
    parameters = inspect.signature(subject.__init__, eval_str=False).parameters.values()
    shown = [each.replace(annotation=inspect.Parameter.empty) for each in parameters if each.name != "self"]
    return str(inspect.Signature(shown)), None
