"""The other clients, from `benchmarks/package.json`, bundled as an application would."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import ROOT

HERE = Path(__file__).parent
ESBUILD = ROOT / "node_modules/.bin/esbuild"


@dataclass(frozen=True)
class Peer:
    """A package, what an application imports of it, and whether it checks an ID token's signature."""

    package: str
    imported: str
    module: str = ""
    signatures: bool = False

    @property
    def version(self) -> str:
        """The version that is installed."""
        return json.loads((HERE / "node_modules" / self.package / "package.json").read_text())["version"]

    def bundle(self) -> bytes:
        """Return what a page loads for a sign-in: the bundle, without what is imported on demand."""
        return bundle(f"export {{ {self.imported} }} from '{self.module or self.package}'")


#: Whether signatures are checked was read in their sources: none does (OIDC Core §3.1.3.7 allows it, 6.).
PEERS = (
    Peer("oidc-client-ts", "UserManager"),
    Peer("@azure/msal-browser", "PublicClientApplication"),
    Peer("keycloak-js", "default"),
    Peer("@axa-fr/oidc-client", "OidcClient"),
    Peer("oidc-spa", "createOidc", "oidc-spa/core"),
    Peer("@auth0/auth0-spa-js", "createAuth0Client"),
)


def bundle(source: str) -> bytes:
    """Return a module of this source, bundled and minified, with all that it imports at once.

    Raises
    ------
    subprocess.CalledProcessError
        It can't be bundled; are the packages installed (`npm ci --prefix benchmarks`)?
    """
    with tempfile.TemporaryDirectory() as folder:
        meta = Path(folder) / "meta.json"
        options = ("--bundle", "--minify", "--splitting", "--format=esm", "--target=es2022")
        subprocess.run(
            [
                ESBUILD,
                *options,
                "--legal-comments=none",
                "--log-level=error",
                f"--metafile={meta}",
                f"--outdir={folder}",
            ],
            input=source,
            text=True,
            check=True,
            cwd=HERE,
        )
        outputs = json.loads(meta.read_text())["outputs"]
        [entry] = [path for path, output in outputs.items() if output.get("entryPoint") == "<stdin>"]
        return b"".join((HERE / path).read_bytes() for path in _at_once(outputs, entry))


def _at_once(outputs: dict, entry: str) -> list[str]:
    """Return a file, and those that it imports statically, each once."""
    wanted, found = [entry], []
    while wanted:
        path = wanted.pop()
        if path not in found:
            found.append(path)
            wanted += [
                each["path"] for each in outputs[path]["imports"] if each["kind"] == "import-statement"
            ]
    return found
