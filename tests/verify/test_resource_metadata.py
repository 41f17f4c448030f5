"""What a protected resource says of itself (RFC 9728), and where its challenges point."""

# Without postponed annotations: FastAPI reads them, and the dependencies here are in no module's globals.

import httpx
import pytest
from fastapi import Depends, FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.routing import Mount

from oidc_widget import errors
from oidc_widget.verify import DPoP, fastapi, flask

WELL_KNOWN = "/.well-known/oauth-protected-resource"


class FlaskSide:
    def __init__(self):
        self.app = Flask(__name__)

    def protect(self, path, **settings):
        protect = flask.OIDCProtect(self.app, **settings)
        self.app.add_url_rule(path, path, protect.token_required(lambda: "in"))
        return protect

    async def get(self, path, **headers):
        answer = self.app.test_client().get(path, headers=headers)
        answer.json_body = answer.get_json(silent=True)
        return answer


class FastAPISide:
    def __init__(self):
        self.app = FastAPI()

    def protect(self, path, **settings):
        protect = fastapi.OIDCProtect(self.app, **settings)
        self.app.get(path, dependencies=[Depends(protect)])(lambda: "in")
        return protect

    async def get(self, path, **headers):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://api.test"
        ) as client:
            answer = await client.get(path, headers=headers)
        answer.json_body = answer.json() if "json" in answer.headers["Content-Type"] else None
        return answer


@pytest.fixture(params=[FlaskSide, FastAPISide])
def side(request):
    return request.param()


@pytest.mark.parametrize(
    ("resource", "path", "url"),
    [
        ("https://api.example.com", WELL_KNOWN, f"https://api.example.com{WELL_KNOWN}"),
        ("https://api.example.com/", WELL_KNOWN, f"https://api.example.com{WELL_KNOWN}"),
        ("https://api.example.com/one", f"{WELL_KNOWN}/one", f"https://api.example.com{WELL_KNOWN}/one"),
        ("https://h:8443/a/b/", f"{WELL_KNOWN}/a/b/", f"https://h:8443{WELL_KNOWN}/a/b/"),
        ("http://localhost:5000/x", f"{WELL_KNOWN}/x", f"http://localhost:5000{WELL_KNOWN}/x"),
    ],
)
async def test_the_document_is_served_where_the_standard_says(resource, path, url, side, settings):
    side.protect("/in", **settings, resource=resource, resource_metadata={"resource_name": "Jobs"})
    answer = await side.get(path)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    document = answer.json_body
    assert document["resource"] == resource
    assert document["authorization_servers"] == ["https://idp.example.com"]
    assert document["bearer_methods_supported"] == ["header"]
    assert document["dpop_bound_access_tokens_required"] is False
    assert "ES256" in document["dpop_signing_alg_values_supported"]
    assert document["resource_name"] == "Jobs"
    refused = await side.get("/in")
    assert f'resource_metadata="{url}"' in refused.headers["WWW-Authenticate"]


async def test_each_protection_names_its_own(side, settings, issuer):
    for name in ("one", "two"):
        side.protect(
            f"/{name}",
            **{**settings, "audience": f"https://api.example.com/{name}"},
            resource=f"https://api.example.com/{name}",
        )
    for name in ("two", "one"):
        document = (await side.get(f"{WELL_KNOWN}/{name}")).json_body
        assert document["resource"] == f"https://api.example.com/{name}"
        for headers in ({}, {"Authorization": f"Bearer {issuer.token()}"}):
            refused = await side.get(f"/{name}", **headers)
            challenge = refused.headers["WWW-Authenticate"]
            assert f'resource_metadata="https://api.example.com{WELL_KNOWN}/{name}"' in challenge
    assert (await side.get(WELL_KNOWN)).status_code == 404


async def test_without_a_resource_nothing_is_served_or_named(side, settings):
    side.protect("/in", **settings)
    assert (await side.get(WELL_KNOWN)).status_code == 404
    assert "resource_metadata" not in (await side.get("/in")).headers["WWW-Authenticate"]


async def test_a_service_that_insists_on_dpop_says_so(side, settings):
    side.protect("/in", **settings, resource="https://api.example.com", dpop=DPoP(required=True))
    document = (await side.get(WELL_KNOWN)).json_body
    assert document["dpop_bound_access_tokens_required"] is True
    assert document["bearer_methods_supported"] == []


@pytest.mark.parametrize(
    "differing",
    [
        {"resource": "http://api.example.com"},
        {"resource": "api.example.com"},
        {"resource": "https://api.example.com/#x"},
        {"resource": "https://api.example.com/?x=1"},
        {"resource": "https://api.example.com", "resource_metadata": ["x"]},
        {"resource": "https://api.example.com", "resource_metadata": {"resource": "https://x.example"}},
    ],
)
def test_what_is_no_resource_is_an_error_at_once(differing, side, settings):
    with pytest.raises(errors.ConfigurationError):
        side.protect("/in", **settings, **differing)


def test_two_protections_are_no_one_resource(side, settings):
    side.protect("/one", **settings, resource="https://api.example.com/x")
    with pytest.raises(errors.ConfigurationError, match="two protections"):
        side.protect("/two", **settings, resource="https://api.example.com/x")


async def test_the_document_is_there_for_everybody_in_a_guarded_application(settings, issuer):
    app = Flask(__name__)
    app.config.update(OIDC_RESOURCE="https://api.example.com/v1.0")
    protect = flask.OIDCProtect(app, **settings)
    app.before_request(protect.authenticate)
    app.get("/")(lambda: "in")
    assert app.test_client().get(f"{WELL_KNOWN}/v1.0").status_code == 200
    assert app.test_client().get("/").status_code == 401
    app.config["OIDC_RESOURCE"] = "https://api.example.com/v2.0"
    app.testing = True
    with pytest.raises(errors.ConfigurationError, match="OIDC_RESOURCE"):
        app.test_client().get("/", headers={"Authorization": f"Bearer {issuer.token()}"})


async def test_neither_dependencies_nor_mounts_hide_it(settings):
    protect = fastapi.OIDCProtect(**settings, resource="https://api.example.com/x")
    guarded = FastAPI(dependencies=[Depends(protect)])
    mounted = Starlette(routes=[Mount("/", FastAPI())])
    for app in (guarded, mounted):
        protect.init_app(app)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://api.test"
        ) as client:
            assert (await client.get(f"{WELL_KNOWN}/x")).status_code == 200
            assert (await client.get("/openapi.json")).json().get("paths", {}) == {}
