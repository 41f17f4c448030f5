"""A leaf loads its own SDK at most, and only when it is imported itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

SDKS = {
    "aiohttp",
    "azure",
    "boto3",
    "botocore",
    "fsspec",
    "google",
    "grpc",
    "httpx",
    "httpx2",
    "kubernetes",
    "obstore",
    "openai",
    "psycopg",
    "pyiceberg",
    "requests",
    "sqlalchemy",
    "trino",
}
OWN = {
    "aws": {"botocore"},
    "google": {"google"},
    "grpc": {"grpc"},
    "kubernetes": {"kubernetes"},
    "openai": {"openai"},
    "psycopg": {"psycopg"},
    "sqlalchemy": {"sqlalchemy"},
}


def loaded_by(*modules):
    code = f"import sys, {', '.join(modules)}; print(*({SDKS!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return set(done.stdout.split())


def test_a_sign_in_loads_none():
    assert loaded_by("oidc_widget.login", "oidc_widget.credentials") == set()


def test_leaves_whose_sdk_asks_by_protocol_load_none():
    leaves = ("aiohttp", "azure", "fsspec", "obstore", "pyiceberg", "trino")
    assert loaded_by(*(f"oidc_widget.credentials.{leaf}" for leaf in leaves)) == set()


@pytest.mark.parametrize("leaf", OWN)
def test_a_leaf_loads_its_own(leaf):
    loaded = loaded_by(f"oidc_widget.credentials.{leaf}")
    of_the_sdk = loaded_by(*OWN[leaf], *{"google": ["google.auth.identity_pool"]}.get(leaf, []))
    assert OWN[leaf] <= loaded
    assert loaded <= of_the_sdk | {"requests", "httpx", "httpx2"}
