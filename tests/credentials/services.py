"""Services that verify each token that reaches them, and note it: HTTP, gRPC and PostgreSQL's protocol.

`Services.seen`
    The tokens that were accepted, by the client that sent them.
"""

from __future__ import annotations

import json
import socketserver
import ssl
import struct
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import grpc

from oidc_widget.errors import VerificationError

CATALOG = {
    "type": "Catalog",
    "id": "scenes",
    "stac_version": "1.0.0",
    "description": "none",
    "conformsTo": ["https://api.stacspec.org/v1.0.0/core"],
    "links": [],
}


class Services:
    def __init__(self, verifier, key, certificate):
        self.verifier = verifier
        self.seen = defaultdict(list)
        self.refused = defaultdict(list)
        self._stack = [serve(ThreadingHTTPServer(("localhost", 0), _Http), self)]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        http = self._stack[0]
        http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
        self.http_port = http.server_port
        self._stack.append(serve(_Postgres(("127.0.0.1", 0), _PostgresSession), self))
        self.postgres_port = self._stack[1].server_address[1]
        self._grpc = grpc.server(ThreadPoolExecutor(2))
        self._grpc.add_generic_rpc_handlers((_Grpc(self),))
        pair = (key.read_bytes(), certificate.read_bytes())
        self.grpc_port = self._grpc.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
        self._grpc.start()

    def close(self):
        self._grpc.stop(0)
        for server in self._stack:
            server.shutdown()
            server.server_close()

    def accepts(self, client, token):
        """Return the claims, or nothing where the token is not good."""
        try:
            claims = self.verifier.verify(token)
        except VerificationError as error:
            self.refused[client].append(error.code)
            return None
        self.seen[client].append(token)
        return claims


def serve(server, services):
    server.services = services
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # clients that hang up say so in their own tests
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


class _Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        client = path.split("/")[1].replace("v1", "trino")
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        token = (
            form.get("WebIdentityToken")
            or form.get("subject_token")
            or self.headers.get("X-Amz-Security-Token")
            or (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        )
        claims = self.server.services.accepts(client, token)
        if claims is None:
            self.reply(401, b"{}", ("WWW-Authenticate", 'Bearer error="invalid_token"'))
            return
        content, kind, status = contents(client, form, token, claims["exp"], body)
        self.reply(status, content, ("Content-Type", kind))

    do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815  # the library's names

    def reply(self, status, content, *headers):
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(content)))):
            self.send_header(name, value)
        for name in ("Last-Modified", "Date"):
            self.send_header(name, "Wed, 25 Nov 2020 00:00:00 GMT")
        self.send_header("ETag", '"0x1"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def contents(client, form, token, ends, body):
    """What each client's service says: as little as that client takes."""
    document = {
        "requests": {},
        "pystac-client": CATALOG,
        "workforce": {
            "access_token": token,
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": int(ends - time.time()),
        },
        "pyiceberg": {"defaults": {}, "overrides": {}, "namespaces": [["scenes"]]},
        "trino": {
            "id": "q",
            "infoUri": "https://localhost/",
            "columns": [],
            "data": [],
            "stats": {"state": "FINISHED"},
        },
        "kubernetes": {"kind": "NamespaceList", "apiVersion": "v1", "metadata": {}, "items": []},
        "openai": {"object": "list", "data": []},
    }.get(client, {})
    if client == "mcp":
        return mcp(json.loads(body or b"{}"))
    if form.get("Action") == "AssumeRoleWithWebIdentity":
        return sts(token, ends).encode(), "text/xml", 200
    return json.dumps(document).encode(), "application/json", 200


def mcp(request):
    results = {
        "initialize": {
            "protocolVersion": request.get("params", {}).get("protocolVersion"),
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "protected", "version": "1"},
        },
        "tools/list": {"tools": []},
    }
    if "id" not in request:
        return b"", "application/json", 202
    answer = {"jsonrpc": "2.0", "id": request["id"]}
    if request["method"] in results:
        answer["result"] = results[request["method"]]
    else:
        answer["error"] = {"code": -32601, "message": "Method not found"}
    return json.dumps(answer).encode(), "application/json", 200


def sts(token, ends):
    expiration = datetime.fromtimestamp(ends, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        "<AssumeRoleWithWebIdentityResult><AssumedRoleUser>"
        "<Arn>arn:aws:sts::123456789012:assumed-role/notebooks/x</Arn><AssumedRoleId>A:x</AssumedRoleId>"
        "</AssumedRoleUser><Credentials>"
        f"<AccessKeyId>AKIAEXAMPLE</AccessKeyId><SecretAccessKey>none</SecretAccessKey>"
        f"<SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration>"
        "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    )


class _Grpc(grpc.GenericRpcHandler):
    def __init__(self, services):
        self._services = services

    def service(self, details):
        metadata = dict(details.invocation_metadata)
        token = metadata.get("authorization", "").removeprefix("Bearer ")
        accepted = self._services.accepts("grpc", token) is not None

        def answer(_request, context):
            if not accepted:
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "no good token")
            return b"data"

        return grpc.unary_unary_rpc_method_handler(answer)


class _Postgres(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


class _PostgresSession(socketserver.BaseRequestHandler):
    """The messages of a session that asks for a password, and answers each query with nothing.

    https://www.postgresql.org/docs/current/protocol-message-formats.html
    """

    def handle(self):
        parameters = self.startup()
        self.send(b"R", struct.pack("!I", 3))  # AuthenticationCleartextPassword
        _, password = self.receive()
        application = parameters.get("application_name", "psycopg")
        if self.server.services.accepts(application, password.rstrip(b"\0").decode()) is None:
            self.send(b"E", b"SFATAL\0C28P01\0Mpassword authentication failed\0\0")
            return
        self.send(b"R", struct.pack("!I", 0))  # AuthenticationOk
        for name, value in {"server_version": "16.0", "client_encoding": "UTF8", "TimeZone": "UTC"}.items():
            self.send(b"S", f"{name}\0{value}\0".encode())
        self.ready()
        while (message := self.receive())[0] not in {b"X", b""}:
            if message[0] == b"Q":
                self.result(message[1].decode().lower())
                self.ready()

    def result(self, query):
        """One row with what drivers ask for at the start, where something is asked for."""
        if query.startswith(("select", "show")):
            value = b"PostgreSQL 16.0" if "version" in query else b"on"
            self.send(b"T", struct.pack("!H", 1) + b"column\0" + struct.pack("!IHIhiH", 0, 0, 25, -1, -1, 0))
            self.send(b"D", struct.pack("!HI", 1, len(value)) + value)
        self.send(b"C", b"SELECT 1\0")

    def startup(self):
        while True:
            (size,) = struct.unpack("!I", self.exactly(4))
            rest = self.exactly(size - 4)
            if rest[:4] == struct.pack("!I", 196608):  # protocol 3.0
                words = rest[4:].decode().split("\0")
                return dict(zip(words[::2], words[1::2], strict=False))
            self.request.sendall(b"N")  # neither TLS nor GSS encryption

    def ready(self):
        self.send(b"Z", b"I")

    def send(self, kind, content):
        self.request.sendall(kind + struct.pack("!I", len(content) + 4) + content)

    def receive(self):
        kind = self.exactly(1)
        if not kind:
            return b"", b""
        (size,) = struct.unpack("!I", self.exactly(4))
        return kind, self.exactly(size - 4)

    def exactly(self, count):
        found = b""
        while len(found) < count and (more := self.request.recv(count - len(found))):
            found += more
        return found
