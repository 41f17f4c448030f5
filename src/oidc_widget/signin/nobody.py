"""Whether a person could be there at all: to look at an output, to click, to be sent to a browser."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import SignInError
from oidc_widget.signin.control_channel import running_kernel

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["in_ci", "nobody_here", "what_to_set"]

#: What the services of continuous integration set.
_CI = ("CI", "TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION")
_CRON = frozenset({"anacron", "atd", "cron", "crond", "fcron"})
_MOST_ANCESTORS = 30
_VOILA = "Voilà runs all cells before it shows their page"


def in_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a job of continuous integration."""
    return any(environ.get(name, "").lower() not in {"", "0", "false"} for name in _CI)


def nobody_here() -> str | None:
    """Return what runs this code where nobody looks on, as part of a sentence; ``None``: somebody may."""
    kernel = running_kernel()
    if kernel is not None:
        if _takes_questions(kernel):
            return None
        return _VOILA if _in_voila() else "nbconvert, papermill or the like runs it"
    if any(_is_terminal(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return None
    if in_ci():
        return "this is a CI job"
    if _is_journal():
        return "this is a system service"
    return "cron runs it" if _by_cron() else None


def what_to_set(why: str) -> SignInError:
    """Return what is said where nobody could sign in."""
    if why == _VOILA:
        return SignInError(
            f"Nobody can sign in yet: {why}.",
            code="unattended",
            hint="Show the widget, and go on when the token is there: w.observe(…, 'access_token').",
        )
    return SignInError(
        f"Nobody can sign in here: {why}.",
        code="unattended",
        hint="Set OIDC_WIDGET_TOKEN_FILE (a file with an access token), OIDC_WIDGET_TOKEN, or for client "
        "credentials OIDC_WIDGET_CLIENT_ID with OIDC_WIDGET_CLIENT_SECRET_FILE, OIDC_WIDGET_CLIENT_KEY_FILE "
        "or OIDC_WIDGET_FEDERATED_TOKEN_FILE.",
    )


#: What the last cell said that was looked at: not every thread is told what cell runs.
_taken = True


def _takes_questions(kernel: Any) -> bool:
    """Whether there is somebody to ask, as far as the cell says that runs now.

    nbclient, which nbconvert and papermill run notebooks by, takes no questions (Jupyter messaging,
    ``allow_stdin`` of ``execute_request``); whoever has a person in front of the screen does.
    """
    global _taken  # noqa: PLW0603  # the process has one kernel
    content = (kernel.get_parent("shell") or {}).get("content") or {}
    if "allow_stdin" in content:
        _taken = content["allow_stdin"] is not False
    return _taken


def _in_voila() -> bool:
    """Whether Voilà started this kernel, which it tells as servers do (RFC 3875 §4.1.17)."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")


def _is_terminal(stream: object) -> bool:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return bool(stream.isatty())  # type: ignore[attr-defined]  # whatever took the stream's place
    return False


def _is_journal() -> bool:
    """Whether what is printed goes to systemd's journal (systemd.exec(5), ``$JOURNAL_STREAM``)."""
    wanted = os.environ.get("JOURNAL_STREAM")
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            status = os.fstat(descriptor)
            if wanted == f"{status.st_dev}:{status.st_ino}":
                return True
    return False


def _by_cron() -> bool:
    """Whether an ancestor of this process is cron, where Linux tells (proc(5))."""
    process = os.getppid()
    with contextlib.suppress(OSError, ValueError, IndexError):
        for _ in range(_MOST_ANCESTORS):
            name, _, rest = Path(f"/proc/{process}/stat").read_text("utf-8").partition("(")[2].rpartition(")")
            if name in _CRON:
                return True
            process = int(rest.split()[1])
    return False
