"""What pyproject.toml can't say by itself: which oidc-widget-core, and when the frontend is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatch_jupyter_builder.utils import npm_builder
from hatchling.metadata.plugin.interface import MetadataHookInterface


class SameVersion(MetadataHookInterface):
    """Require oidc-widget-core at this very version: both are made of one tree."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put it before the dependencies that pyproject.toml lists."""
        metadata["dependencies"] = [f"oidc-widget-core=={metadata['version']}", *self.config["dependencies"]]


def build_frontend(target_name: str, version: str) -> None:
    """Build it in the repository; a source distribution has it, and needs no Node."""
    if not Path("PKG-INFO").exists():
        npm_builder(target_name, version, npm=["npm"])
