"""A real reverse proxy that speaks https (or http) to the browser, and http to what is behind it."""

from __future__ import annotations

import datetime as dt
import secrets
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub import PROXY

if TYPE_CHECKING:
    from pathlib import Path

#: Seconds that it may take to start.
PATIENCE = 30


class TlsProxy:
    """A running proxy; `url` is what the browser sees.

    Parameters
    ----------
    folder
        An empty folder for its key and certificate.
    target
        Where requests go: `http://localhost:PORT`.
    tls
        Without, it speaks http: workers of a page don't accept what the page was told to accept.
    """

    def __init__(self, folder: Path, target: str, *, tls: bool = True) -> None:
        port, api_port = _free_ports()
        self.url = f"{'https' if tls else 'http'}://localhost:{port}"
        pair = zip(("--ssl-key", "--ssl-cert"), self_signed(folder), strict=True) if tls else ()
        self._process = subprocess.Popen(
            [
                shutil.which("node") or "node",
                PROXY,
                *("--ip", "127.0.0.1", "--port", str(port), "--api-port", str(api_port)),
                *(argument for option in pair for argument in option),
                *("--default-target", target),
                *("--log-level", "error"),
            ],
            env={"PATH": "/usr/bin:/bin", "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16)},
        )
        deadline = time.monotonic() + PATIENCE
        while not _listens(port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError("The proxy did not start.")
            time.sleep(0.05)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a key and a certificate for `localhost`, which browsers are told to accept."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "key.pem", folder / "certificate.pem"
