"""What pyproject.toml can't say by itself: which oidc-widget-core, and when the frontend is built."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatch_jupyter_builder.utils import npm_builder
from hatchling.metadata.plugin.interface import MetadataHookInterface

#: A link of the README to a file of the repository, in Markdown and in the HTML of its picture.
RELATIVE = re.compile(r"""(?:\]\(|(?P<picture>(?:src|srcset)="))(?![a-z]+:|#)""")


class Metadata(MetadataHookInterface):
    """Both distributions are made of one tree, and PyPI shows the README without it."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Require oidc-widget-core at this very version; let the README's links lead to the repository."""
        metadata["dependencies"] = [f"oidc-widget-core=={metadata['version']}", *self.config["dependencies"]]
        source, tag = metadata["urls"]["Source"], f"v{metadata['version']}"

        def absolute(found: re.Match[str]) -> str:
            return f"{found[0]}{source}/{'raw' if found['picture'] else 'blob'}/{tag}/"

        readme = (Path(self.root) / "README.md").read_text("utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": RELATIVE.sub(absolute, readme)}


def build_frontend(target_name: str, version: str) -> None:
    """Build it in the repository; a source distribution has it, and needs no Node."""
    if not Path("PKG-INFO").exists():
        npm_builder(target_name, version, npm=["npm"])
