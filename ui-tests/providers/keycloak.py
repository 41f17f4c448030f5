"""Keycloak (Maven Central, Apache 2) as a process, and what a test may do to it by its admin API.

>>> with Keycloak(folder) as keycloak:
...     keycloak.issuer                      # "http://127.0.0.1:PORT/realms/jupyter", the `authority`
...     keycloak.register("notebooks", redirect_uris=[...], origins=[...])       # a public client with PKCE
...     keycloak.configure(accessTokenLifespan=10)                               # the realm, as admins see it
...     keycloak.sessions("alice")           # the clients of each of her sessions
...     keycloak.log_out("alice"); keycloak.set_enabled("alice", False)
...     keycloak.rotate_keys()
...     keycloak.stop(); keycloak.start()    # at the same port; sessions are kept, as in its database

As a program (`python ui-tests/providers/keycloak.py`) it only makes sure that there is one, and says which;
with `--lacking` it says what this machine lacks for that, and fails where it lacks nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

from oidc_widget.oauth.callback_address import own_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self

VERSION = "26.7.3"
REALM = "jupyter"

#: Seconds that a start may take, on two cores that others use too.
PATIENCE = 240

#: Kept between runs, and in no commit.
CACHE = Path(__file__).parents[2] / ".keycloak"
HOME = CACHE / f"keycloak-{VERSION}"

_REALM_FILE = Path(__file__).with_name("keycloak_realm.json")
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
#: The realm's administrator, as the realm's file has it.
_ADMIN = {"client_id": "tests", "client_secret": "secret-of-the-tests"}
_DATABASE = "database.mv.db"

#: One user, a few dozen requests: what the compiler's second stage would gain is less than it costs.
_JAVA = "-Xms64m -Xmx512m -XX:TieredStopAtLevel=1"


def missing() -> str | None:
    """Say what this machine lacks to run Keycloak, or None."""
    java = shutil.which("java")
    if java is None:
        return "Keycloak runs on Java 17 or later, and there is no `java` on the PATH."
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < 17:
        return f"Keycloak runs on Java 17 or later, and `java` is {said.splitlines()[0] if said else java}."
    if not HOME.exists() and shutil.which("mvn") is None:
        return "Keycloak comes from Maven Central, and there is no `mvn` on the PATH."
    return None


def provide() -> tuple[Path, Path]:
    """Return Keycloak's folder, and a database with the realm in it; what is not there yet is made.

    Raises
    ------
    RuntimeError
        Java or Maven is missing.
    subprocess.CalledProcessError
        It could not be fetched or built; standard error says why.
    """
    if problem := missing():
        raise RuntimeError(problem)
    CACHE.mkdir(exist_ok=True)
    if not HOME.exists():
        _fetch()
    realm = hashlib.sha256(_REALM_FILE.read_bytes()).hexdigest()[:16]
    database = CACHE / f"{HOME.name}-{realm}.mv.db"
    if not database.exists():
        _import_realm(database)
    return HOME, database


def _fetch() -> None:
    artifact = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz"
    subprocess.run(
        ["mvn", "-q", "-B", _COPY, f"-Dartifact={artifact}", f"-DoutputDirectory={CACHE}"],
        check=True,
        stdin=subprocess.DEVNULL,
        cwd=CACHE,
    )
    archive = CACHE / f"keycloak-quarkus-dist-{VERSION}.tar.gz"
    fresh = CACHE / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    with tarfile.open(archive) as files:
        files.extractall(fresh, filter="tar")
    archive.unlink()
    unpacked = fresh / HOME.name
    # Once, so that a start needn't: half a minute.
    _run(unpacked, "build", "--db=dev-file")
    # Under its name only when it is whole.
    unpacked.rename(HOME)
    fresh.rmdir()


def _import_realm(database: Path) -> None:
    # Once, too: the schema and the realms are half of what a start would have to do.
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        _run(HOME, "import", "--optimized", f"--file={_REALM_FILE}", folder=Path(name))
        (Path(name) / _DATABASE).rename(database)


def _run(home: Path, *command: str, folder: Path | None = None) -> None:
    subprocess.run(
        [home / "bin/kc.sh", *command],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        env=_environment(folder),
    )


def _environment(folder: Path | None = None) -> dict[str, str]:
    """Return what Keycloak is told, whose database is in this folder."""
    # What the machine's own Keycloak is told must not reach this one.
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("KC_", "KEYCLOAK_"))
    }
    database = {"KC_DB_URL": f"jdbc:h2:file:{folder}/database;NON_KEYWORDS=VALUE"} if folder else {}
    return {**inherited, "JAVA_OPTS_APPEND": _JAVA, **database}


class Keycloak:
    """A running Keycloak with one realm, and two people in it: `alice` and `bob`.

    Parameters
    ----------
    folder
        An empty folder for its database and its log.
    wait
        Wait until it answers; else `wait()` does.
    """

    client_id = "notebooks"

    def __init__(self, folder: Path, *, wait: bool = True) -> None:
        self.log = folder / "keycloak.log"
        self._home, database = provide()
        shutil.copy(database, folder / _DATABASE)
        self._folder = folder
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(base_url=self.url, trust_env=False, timeout=60)
        self.start(wait=wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._http.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/{REALM}"

    # ---- the process ---------------------------------------------------------------------------------

    def start(self, *, wait: bool = True) -> None:
        """Start it, also after `stop()`, at the same address and with the same database."""
        options = [
            "--optimized",
            "--http-enabled=true",
            "--http-host=127.0.0.1",
            f"--http-port={self._port}",
            f"--hostname={self.url}",
            "--cache=local",
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._home / "bin/kc.sh", "start", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(self._folder),
            )
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until the realm answers.

        Raises
        ------
        RuntimeError
            It ended at once or never answered; the log says why.
        """
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Keycloak did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            return self._http.get(f"/realms/{REALM}").is_success
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """End the process; what it knows stays in its database."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    # ---- its administrator ---------------------------------------------------------------------------

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the realm's admin API, and return what it says; `path` is under the realm."""
        granted = self._http.post(
            f"/realms/{REALM}/protocol/openid-connect/token",
            data={"grant_type": "client_credentials", **_ADMIN},
        ).raise_for_status()
        response = self._http.request(
            method,
            f"/admin/realms/{REALM}{path}",
            json=body,
            headers={"Authorization": f"Bearer {granted.json()['access_token']}"},
        )
        if response.is_error:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json() if response.content else None

    def configure(self, **settings: Any) -> None:
        """Change the realm: `accessTokenLifespan=10`, say (RealmRepresentation)."""
        self.admin("PUT", "", settings)

    def register(
        self,
        client_id: str = client_id,
        *,
        redirect_uris: Iterable[str] = (),
        origins: Iterable[str] = (),
        attributes: Mapping[str, str] | None = None,
        **representation: Any,
    ) -> None:
        """Register a public client that must use PKCE, or replace the one of this name.

        Parameters
        ----------
        attributes, **representation
            More of its ClientRepresentation, on top: `publicClient=False`, say.
        """
        self.unregister(client_id)
        client = {
            "clientId": client_id,
            "publicClient": True,
            "standardFlowEnabled": True,
            "directAccessGrantsEnabled": False,
            "redirectUris": list(redirect_uris),
            "webOrigins": list(origins),
            "attributes": {"pkce.code.challenge.method": "S256", **(attributes or {})},
            **representation,
        }
        self.admin("POST", "/clients", client)

    def register_notebooks(self, callback: str, client_id: str = client_id, **more: Any) -> None:
        """Register a client for notebooks that name this issuer themselves, as docs/administrators.md says.

        Parameters
        ----------
        callback
            The Jupyter server's callback address, below which this issuer has one of its own.
        """
        self.register(client_id, redirect_uris=[own_address(callback, self.issuer)], origins=["+"], **more)

    def unregister(self, client_id: str) -> None:
        """Forget a client, and with it its part in people's sessions."""
        for client in self.admin("GET", f"/clients?clientId={client_id}"):
            self.admin("DELETE", f"/clients/{client['id']}")

    def person(self, login: str) -> dict[str, Any]:
        """Return what it knows of somebody; `id` is the `sub` of their tokens (UserRepresentation)."""
        (person,) = self.admin("GET", f"/users?username={login}&exact=true")
        return dict(person)

    def sessions(self, login: str = "alice") -> list[set[str]]:
        """Return the `client_id`s in each of somebody's sessions."""
        found = self.admin("GET", f"/users/{self.person(login)['id']}/sessions")
        return [set(session.get("clients", {}).values()) for session in found]

    def wait_for_sessions(self, expected: list[set[str]], login: str = "alice") -> None:
        """Wait until those are somebody's sessions: a sign-out is shown before its revocation has arrived.

        Raises
        ------
        AssertionError
            They are others after 15 s.
        """
        deadline = time.monotonic() + 15
        while (found := self.sessions(login)) != expected:
            if time.monotonic() > deadline:
                raise AssertionError(f"{login}'s sessions are {found}, not {expected}")
            time.sleep(0.1)

    def log_out(self, login: str = "alice") -> None:
        """End somebody's sessions, as an administrator does."""
        self.admin("POST", f"/users/{self.person(login)['id']}/logout")

    def set_enabled(self, login: str, enabled: bool) -> None:  # noqa: FBT001 - as Keycloak names it
        """Let somebody in, or no more."""
        self.admin("PUT", f"/users/{self.person(login)['id']}", {**self.person(login), "enabled": enabled})

    def keys(self) -> dict[str, str]:
        """Return the `kid` that each algorithm is signed with now."""
        return dict(self.admin("GET", "/keys")["active"])

    def events(self, kind: str | None = None, *, client_id: str | None = None) -> list[dict[str, Any]]:
        """Return what happened since the last `reset()`, in order: `LOGIN`, `REFRESH_TOKEN_ERROR`, …."""
        wanted = {
            "max": "1000",
            **({"type": kind} if kind else {}),
            **({"client": client_id} if client_id else {}),
        }
        return list(reversed(self.admin("GET", f"/events?{urlencode(wanted)}")))

    def rotate_keys(self, provider: str = "rsa-generated") -> None:
        """Sign with a new key from now on; the old ones stay published."""
        kind = "org.keycloak.keys.KeyProvider"
        old = [key for key in self.admin("GET", f"/components?type={kind}") if key["providerId"] == provider]
        priority = 1 + max(int(key["config"]["priority"][0]) for key in old)
        self.admin(
            "POST",
            "/components",
            {
                "name": f"{provider} {priority}",
                "providerId": provider,
                "providerType": kind,
                "config": {**old[0]["config"], "priority": [str(priority)]},
            },
        )

    def reset(self) -> None:
        """Be as at the first start, but for clients and keys: nobody is signed in, and all are enabled."""
        self.configure(
            **{name: value for name, value in _realm().items() if not isinstance(value, (list, dict))}
        )
        for login in ("alice", "bob"):
            self.set_enabled(login, True)
            self.log_out(login)
        self.admin("DELETE", "/events")


def _realm() -> dict[str, Any]:
    return dict(json.loads(_REALM_FILE.read_text()))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    if "--lacking" in sys.argv:
        problem = missing()
        sys.stdout.write(f"{problem or 'Nothing.'}\n")
        sys.exit(problem is None)
    sys.stdout.write(f"Keycloak: {provide()[0]}\n")
