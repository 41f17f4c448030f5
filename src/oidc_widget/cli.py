"""The command ``oidc-widget``.

Each subcommand is one function that declares its arguments and one that runs it; the second
imports what it needs when it is called, so that ``oidc-widget --help`` works without any extra
installed and ``doctor`` never loads the demo.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import OIDCError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Run = Callable[[argparse.Namespace], int]

#: Exit codes. argparse itself ends with 2 when it can't use the arguments, so an argument that turns
#: out to be unusable later (a taken port) ends the same way.
OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

_HIGHEST_PORT = 65535
_LONGEST_WAIT = 300  # seconds: what the server takes


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; those of the process unless given.

    Returns
    -------
    int
        The exit code: 0 when all is well, 1 when the command failed, 2 when an argument can't be used.
    """
    parser = argparse.ArgumentParser(
        prog="oidc-widget", description="OpenID Connect sign-in for Jupyter: try it, check a provider."
    )
    parser.add_argument("--version", action=_PrintVersion)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (summary, add_arguments, run) in _COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        add_arguments(command)
        command.set_defaults(run=run)
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except OIDCError as error:
        sys.stderr.write(f"oidc-widget: {error}\n")
        return USAGE if error.code in _USAGE_CODES else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


#: Errors whose cure is another argument.
_USAGE_CODES = frozenset({"invalid_configuration", "port_unavailable", "unknown_provider"})


class _PrintVersion(argparse.Action):
    """Like ``action="version"``, but looks the version up only when asked."""

    def __init__(self, option_strings: Sequence[str], dest: str, **_: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        parser.exit(OK, f"oidc-widget {version('oidc-widget')}\n")


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to {_HIGHEST_PORT}")
    return port


def _seconds(text: str) -> int:
    seconds = int(text) if text.isascii() and text.isdigit() else 0
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of seconds above 0")
    return seconds


def _wait(text: str) -> int:
    seconds = _seconds(text)
    if seconds > _LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {_LONGEST_WAIT} seconds")
    return seconds


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, help="the port of JupyterLab (a free one unless given)")
    parser.add_argument(
        "--no-browser", action="store_true", help="don't open a browser, only print the address"
    )
    parser.add_argument(
        "--token-lifetime",
        type=_seconds,
        default=300,
        metavar="SECONDS",
        help="how long an access token of the demo provider is good for (%(default)s)",
    )


def _run_demo(arguments: argparse.Namespace) -> int:
    from oidc_widget.demo import require_extra  # noqa: PLC0415  only this subcommand needs it

    require_extra()
    from oidc_widget.demo.command import run  # noqa: PLC0415  needs the extra that was just checked

    return run(
        port=arguments.port,
        open_browser=not arguments.no_browser,
        token_lifetime=arguments.token_lifetime,
    )


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("authority", metavar="AUTHORITY", help="the provider's issuer address")
    parser.add_argument("--client-id", metavar="ID", help="the client that is registered for notebooks")
    parser.add_argument(
        "--redirect-uri", metavar="URI", help="its redirect address, as w.redirect_uri tells it"
    )
    parser.add_argument(
        "--jupyter",
        metavar="URL",
        help="the Jupyter server, or https://HUB/services/, whose redirect addresses are to be told",
    )


def _run_doctor(arguments: argparse.Namespace) -> int:
    from oidc_widget.diagnosis.doctor import run  # noqa: PLC0415  only this subcommand needs it

    return run(
        arguments.authority,
        client_id=arguments.client_id,
        redirect_uri=arguments.redirect_uri,
        jupyter=arguments.jupyter,
    )


def _no_arguments(_parser: argparse.ArgumentParser) -> None:
    pass


def _run_sessions(_arguments: argparse.Namespace) -> int:
    from oidc_widget.signin.remembered_command import list_sessions  # noqa: PLC0415  only this subcommand needs it

    return list_sessions()


def _sign_out_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="an account or a provider, as `oidc-widget sessions` shows it"
    )
    parser.add_argument("--all", action="store_true", help="all of them")


def _run_sign_out(arguments: argparse.Namespace) -> int:
    from oidc_widget.signin.remembered_command import sign_out  # noqa: PLC0415  only this subcommand needs it

    return sign_out(arguments.name, everybody=arguments.all)


def _token_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--provider",
        required=True,
        metavar="NAME",
        help="a provider that this server's administrator configured, or the host of another one",
    )
    parser.add_argument(
        "--timeout",
        type=_wait,
        default=30,
        metavar="SECONDS",
        help="how long a page may take to answer (%(default)s)",
    )


def _run_token(arguments: argparse.Namespace) -> int:
    from oidc_widget.terminal import print_token  # noqa: PLC0415  only this subcommand needs it

    return print_token(arguments.provider, arguments.timeout)


#: name: (one sentence for the help, declares the arguments, runs it)
_COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None], Run]] = {
    "demo": (
        "Start a local OpenID provider, a protected demo API and JupyterLab with the quickstart notebook.",
        _demo_arguments,
        _run_demo,
    ),
    "doctor": (
        "Check a provider (discovery, keys, PKCE, CORS, clock, client), and say what to change.",
        _doctor_arguments,
        _run_doctor,
    ),
    "sessions": (
        "List the sign-ins that are remembered on this machine (remember=True).",
        _no_arguments,
        _run_sessions,
    ),
    "sign-out": (
        "End remembered sign-ins at their providers, and forget them.",
        _sign_out_arguments,
        _run_sign_out,
    ),
    "token": (
        "Print an access token in a terminal of JupyterLab, from a page in which you allowed that.",
        _token_arguments,
        _run_token,
    ),
}


if __name__ == "__main__":
    sys.exit(main())
