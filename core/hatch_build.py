"""What goes into oidc-widget-core: the package beside this folder or, in a source distribution, within it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatch_jupyter_builder.utils import ensure_targets, npm_builder
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: The labextension is built for ../pyproject.toml, which installs it where JupyterLab looks.
NOT_IN_IT = {"labextension", "__pycache__"}


BUILT = ("widget.js", "widget.css", "callback.js")


class Package(BuildHookInterface):
    """Put the package in, with the frontend as it is now."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files; an editable install finds them by `dev-mode-dirs`."""
        if version == "editable":
            return
        here = Path(self.root)
        released = (here / "PKG-INFO").exists()
        tree = here if released else here.parent
        if not released and not os.environ.get("SKIP_JUPYTER_BUILDER"):
            npm_builder(self.target_name, version, path=str(tree), npm=["npm"])
        package = tree / "src" / "oidc_widget"
        ensure_targets([str(package / "static" / name) for name in BUILT])
        target = "src/oidc_widget" if self.target_name == "sdist" else "oidc_widget"
        build_data["force_include"].update(
            {str(part): f"{target}/{part.name}" for part in package.iterdir() if part.name not in NOT_IN_IT}
        )
