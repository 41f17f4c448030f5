"""Each line of the table in `docs/clients.md`, with the real client, across at least three expiries."""

from __future__ import annotations

import ast
import asyncio
import datetime as dt
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import boto3
import fsspec
import grpc
import httpx2
import mcp
import pytest
import trino
from azure.storage.blob import BlobServiceClient
from azure.storage.blob.aio import BlobServiceClient as AsyncBlobServiceClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.auth.transport.requests import AuthorizedSession
from kubernetes.client import ApiClient, CoreV1Api
from obstore.store import AzureStore
from pyiceberg.catalog import load_catalog
from sqlalchemy import create_engine
from tests.credentials.services import Services

from oidc_widget import OIDCLogin
from oidc_widget.verify import TokenVerifier
from providers.http_person import HttpPerson
from providers.oidc_provider import OidcProvider
from shown import changes_to, shown

API = "https://api.example.com/"
LIFETIME = 5  # seconds
#: The Azure SDK asks for the last one; so it is signed in for.
SCOPES = ["openid", "profile", "https://storage.azure.com/.default"]
ROWS = re.findall(
    r"^\| ([^|`]+) \| `([^`]+)` \| `([^`]+)` \|$",
    (Path(__file__).parents[2] / "docs/clients.md").read_text("utf-8"),
    re.MULTILINE,
)
NAMES = {
    "AsyncBlobServiceClient": AsyncBlobServiceClient,
    "ApiClient": ApiClient,
    "AuthorizedSession": AuthorizedSession,
    "AzureStore": AzureStore,
    "BlobServiceClient": BlobServiceClient,
    "CoreV1Api": CoreV1Api,
    "aiohttp": aiohttp,
    "boto3": boto3,
    "create_engine": create_engine,
    "fsspec": fsspec,
    "grpc": grpc,
    "httpx2": httpx2,
    "load_catalog": load_catalog,
    "trino": trino,
}


class Asked:
    """One row: how its line is made to reach the services, and what is done with the client that it makes."""

    def __init__(self, row, services, w):
        self.name, self.imports, self.line = row
        self.client = re.sub(r"\W+", "-", self.name.partition(",")[0].lower())
        self.services, self.w = services, w
        self.base = f"https://localhost:{services.http_port}"
        self.url = f"{self.base}/{self.client}"
        self.names = dict(NAMES, w=w)
        exec(self.imports, self.names)  # noqa: S102  # our own documentation

    @property
    def here(self):
        """The line, with these services in place of the documentation's."""
        return (
            self.line.replace("https://api.example.com", self.url)
            .replace('"api.example.com", port=443', f'"localhost", port={self.services.http_port}')
            .replace(
                "//alice@db.example.com/data", self.database("//alice@127.0.0.1:{}/data?application_name={}")
            )
            .replace("host=db.example.com", self.database("host=127.0.0.1 port={} application_name={}"))
            .replace('providers/oidc"', f'providers/oidc", token_url="{self.base}/workforce/token"')
            .replace('http_scheme="https"', 'http_scheme="https", user="alice"')
            # obstore has certificates of its own; and SQLAlchemy asks for a type that is not there.
            .replace("account_name=", 'client_options={"allow_invalid_certificates": True}, account_name=')
            .replace('sqlalchemy")', 'sqlalchemy", use_native_hstore=False)')
        )

    def database(self, text):
        return text.format(self.services.postgres_port, self.client)

    def make(self):
        """Run the line: what it makes, a coroutine for that, or nothing."""
        kind = "exec" if self.line.startswith("with ") else "eval"
        code = compile(self.here, self.name, kind, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        return eval(code, self.names)  # noqa: S307  # our own documentation


def renewals(w):
    """Five times, each with another token: the first three have then ended."""
    for turn in range(5):
        before = w.access_token
        yield turn
        assert changes_to(w, lambda: w.access_token not in {before, None})  # noqa: B023  # used at once


def often(use, *, anew=False):
    """Let one client object be used twice with each token; or, `anew`, run the line itself as often."""

    def run(asked):
        client = None if anew else asked.make()
        for _ in renewals(asked.w):
            for _twice in range(2):
                use(asked, asked.make() if anew else client)

    return run


def often_async(use, *, anew=False):
    async def made(asked):
        client = asked.make()
        return await client if asyncio.iscoroutine(client) else client

    async def main(asked):
        client = None if anew else await made(asked)
        turns = renewals(asked.w)
        while await asyncio.to_thread(next, turns, None) is not None:
            for _twice in range(2):
                await use(asked, await made(asked) if anew else client)
        if hasattr(client, "close"):
            await client.close()

    return lambda asked: asyncio.run(main(asked))


def get(asked, client):
    client.get(asked.url).raise_for_status()


async def get_async(asked, client):
    (await client.get(asked.url)).raise_for_status()


async def get_by_aiohttp(asked, client):
    async with client.get(asked.url) as response:
        response.raise_for_status()


def query(_asked, client):
    cursor = client.cursor()
    cursor.execute("SELECT 1")
    assert cursor.fetchall() == []


def connect(_asked, engine):
    engine.dispose()
    with engine.connect():
        pass


def call(asked, credentials):
    with grpc.secure_channel(f"localhost:{asked.services.grpc_port}", credentials) as channel:
        assert channel.unary_unary("/data.Service/Get")(b"", timeout=20) == b"data"


def get_object(asked, session):
    if not hasattr(asked, "s3"):
        asked.s3 = session.client("s3", region_name="eu-central-1", endpoint_url=asked.url)
    asked.s3.get_object(Bucket="bucket", Key="file")


async def close(_asked, connection):
    await connection.close()


async def exists(_asked, service):
    assert await service.get_blob_client("container", "file").exists()


async def list_models(_asked, client):
    await client.models.list()


async def list_tools(asked):
    async with asked.make() as streams, mcp.ClientSession(*streams[:2]) as session:
        await session.initialize()
        turns = renewals(asked.w)
        while await asyncio.to_thread(next, turns, None) is not None:
            await session.list_tools()


JOB = """
import os, sys, urllib.request
seen = set()
while len(seen) < 5:
    with open(os.environ["BEARER_TOKEN_FILE"]) as file:
        token = file.read()
    headers = {"Authorization": f"Bearer {token}"}
    try:
        urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers=headers)).read()
    except urllib.error.HTTPError as error:
        assert error.code == 401  # it ended on the way: the next one is there, or will be
    else:
        seen.add(token)
"""


def run_job(asked):
    asked.line = asked.line.replace('["my-job"]', f"{[sys.executable, '-c', JOB, asked.url]!r}, check=True")
    asked.make()


USES = {
    "requests": often(lambda _asked, response: response.raise_for_status(), anew=True),
    "httpx": often(get),
    "httpx, async": often_async(get_async),
    "httpx2": often(get),
    "httpx2, async": often_async(get_async),
    "aiohttp": often_async(get_by_aiohttp),
    "fsspec": often(lambda asked, files: files.cat(f"{asked.url}/file")),
    "pystac-client": often(lambda _asked, catalog: catalog.get_root().to_dict(), anew=True),
    "obstore": often(lambda _asked, store: store.get("file").bytes()),
    "Azure SDK": often(lambda _asked, service: service.get_blob_client("container", "file").exists()),
    "Azure SDK, async": often_async(exists),
    "google-auth": often(get),
    "Google Cloud, by workforce identity federation": often(get),
    "boto3, by web identity": often(get_object),
    "PyIceberg": often(lambda _asked, catalog: catalog.list_namespaces()),
    "Trino": often(query),
    "gRPC": often(call),
    "SQLAlchemy": often(connect),
    "psycopg": often(lambda _asked, connection: connection.close(), anew=True),
    "psycopg, async": often_async(close, anew=True),
    "Kubernetes": often(lambda _asked, api: api.list_namespace()),
    "OpenAI": often(lambda _asked, client: client.models.list()),
    "OpenAI, async": often_async(list_models),
    "MCP": lambda asked: asyncio.run(list_tools(asked)),
    "another process": run_job,
}


def self_signed(folder):
    """Write a key and a certificate for `localhost` that all clients here are told to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "key.pem", folder / "certificate.pem"


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """Use all clients at once, with one sign-in, and return what came of each."""
    key, certificate = self_signed(tmp_path_factory.mktemp("tls"))
    settings = {
        "access_token_ttl": LIFETIME,
        "device_authorization_response": {"set": {"interval": 0.1}},
        "consent": "skip",
    }
    with pytest.MonkeyPatch.context() as patch, OidcProvider(**settings) as provider:
        for name in (
            "SSL_CERT_FILE",
            "REQUESTS_CA_BUNDLE",
            "AWS_CA_BUNDLE",
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        ):
            patch.setenv(name, str(certificate))
        verifier = TokenVerifier(provider.issuer, API, leeway=0, allow_insecure_http=True)
        services = Services(verifier, key, certificate)
        patch.setenv("AWS_ENDPOINT_URL_STS", f"https://localhost:{services.http_port}/boto3")
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        # aiohttp reads the certificates when it is imported.
        aiohttp.connector._SSL_CONTEXT_VERIFIED.load_verify_locations(certificate)
        w = OIDCLogin(provider.issuer, provider.client_id, flow="device", resource=API, scopes=SCOPES)
        w.sign_in()
        with HttpPerson() as alice:
            alice.visit(shown(w)["device"]["verification_uri_complete"])
        w.wait(20)
        with ThreadPoolExecutor(len(ROWS)) as pool:
            asked = {row[0]: Asked(row, services, w) for row in ROWS}
            yield {name: (pool.submit(USES[name], one), one) for name, one in asked.items()}
        w.sign_out()
        services.close()


def test_the_table_and_these_tests_name_the_same():
    assert [name for name, _, _ in ROWS] == list(USES)


@pytest.mark.parametrize("name", USES)
def test_a_client_outlives_its_tokens(used, name):
    done, asked = used[name]
    done.result(120)
    assert set(asked.services.refused[asked.client]) <= (
        {"token_expired"} if name == "another process" else set()
    )
    assert len(set(asked.services.seen[asked.client])) >= 4


@pytest.mark.parametrize("name", USES)
def test_the_line_is_in_the_docstring_of_its_module(name):
    imports = {row[0]: row[1] for row in ROWS}[name]
    module = re.match(r"from (oidc_widget\.credentials\.\w+) import (\w+)", imports)
    if module is not None:
        assert f"{module[2]}(w" in sys.modules[module[1]].__doc__ or "async" in module[2].lower()
