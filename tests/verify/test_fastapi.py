"""FastAPI and Starlette applications behind it.

Without postponed annotations: FastAPI reads them, and the dependencies here are in no module's globals.
"""

from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Security
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from oidc_widget import errors
from oidc_widget.verify import Claims
from oidc_widget.verify.fastapi import OIDCProtect


@pytest.fixture
def app():
    return FastAPI()


@pytest.fixture
def protect(app, settings):
    protect = OIDCProtect(app, realm="Demo", **settings)

    @app.get("/me")
    async def me(
        claims: Annotated[Claims, Depends(protect)], identity: Annotated[str, Depends(protect.identity)]
    ):
        return {"identity": identity, "claims": dict(claims)}

    @app.get("/sync")
    def sync(claims: Annotated[Claims, Depends(protect)]):
        return {"identity": claims["sub"]}

    @app.get("/maybe")
    async def maybe(claims: Annotated[Claims | None, Depends(protect.optional)]):
        return {"identity": claims["sub"] if claims else None}

    @app.get("/admin")
    async def admin(claims: Annotated[Claims, Security(protect, scopes=["admin", "read"])]):
        return {"identity": claims["sub"]}

    return protect


@pytest.fixture
def get(app, protect):  # noqa: ARG001  (it adds the routes)
    async def get(path, token=None, **headers):
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://api.test", trust_env=False
        ) as client:
            return await client.get(path, headers=headers)

    return get


async def test_a_good_token_lets_in(get, issuer):
    response = await get("/me", issuer.token())
    assert response.json() == {"identity": "alice", "claims": issuer.claims()}
    assert (await get("/sync", issuer.token())).json() == {"identity": "alice"}


async def test_without_a_token_the_challenge_names_no_error(get):
    response = await get("/me")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="Demo"'
    assert response.json()["code"] == "missing_token"


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("token_expired", {"exp": 1}),
        ("wrong_issuer", {"iss": "https://evil.example"}),
        ("wrong_audience", {"aud": "x"}),
        ("unknown_key", {"header": {"kid": "x"}}),
    ],
)
@pytest.mark.parametrize("path", ["/me", "/sync", "/maybe", "/admin"])
async def test_a_bad_token_is_answered_with_401_and_a_challenge(code, changes, path, get, issuer):
    response = await get(path, issuer.token(**changes))
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="Demo", error="invalid_token"')
    assert response.json()["code"] == code


async def test_a_missing_scope_is_answered_with_403_and_the_scopes(get, issuer):
    response = await get("/admin", issuer.token())
    assert response.status_code == 403
    assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]
    assert 'scope="admin read"' in response.headers["WWW-Authenticate"]
    assert (await get("/admin", issuer.token(scope="read admin"))).json() == {"identity": "alice"}


async def test_an_optional_token_may_be_missing_but_not_bad(get, issuer):
    assert (await get("/maybe")).json() == {"identity": None}
    assert (await get("/maybe", issuer.token())).json() == {"identity": "alice"}
    assert (await get("/maybe", issuer.token(exp=1))).status_code == 401


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_the_hooks_may_be_functions_or_coroutine_functions(asynchronous, get, protect, issuer):
    def maybe_async(function):
        async def coroutine(*args):
            return function(*args)

        return coroutine if asynchronous else function

    protect.token_getter(maybe_async(lambda connection: connection.headers.get("X-Token")))
    protect.claims_handler(maybe_async(lambda claims: {**claims, "plan": "basic"}))
    protect.identity_handler(maybe_async(lambda claims: {"alice": "Alice"}.get(claims["sub"])))
    protect.error_handler(maybe_async(lambda _, error: JSONResponse({"oops": error.code}, 401)))

    response = await get("/me", **{"X-Token": issuer.token()})
    assert response.json()["identity"] == "Alice"
    assert response.json()["claims"]["plan"] == "basic"
    response = await get("/me", **{"X-Token": issuer.token(sub="eve")})
    assert (response.status_code, response.json()) == (401, {"oops": "unknown_identity"})
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


async def test_an_unreachable_provider_is_503(key_server, issuer):
    app = FastAPI()
    protect = OIDCProtect(
        app, config={"OIDC_ISSUER": key_server.issuer, "OIDC_AUDIENCE": "api"}, now=lambda: issuer.now
    )
    key_server.responses["/jwks"] = (500, {}, b"")

    @app.get("/", dependencies=[Depends(protect)])
    async def root():
        return {}

    token = issuer.token(iss=key_server.issuer, aud="api")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        response = await client.get("/", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert key_server.issuer not in response.text


async def test_the_openapi_description_names_the_scheme_and_the_scopes(get):
    described = (await get("/openapi.json")).json()
    assert described["components"]["securitySchemes"]["OIDCAccessToken"]["scheme"] == "bearer"
    assert described["paths"]["/admin"]["get"]["security"] == [{"OIDCAccessToken": ["admin", "read"]}]


async def test_a_starlette_endpoint_asks_by_itself(settings, issuer):
    protect = OIDCProtect(**settings)

    async def me(request: Request):
        verified = await protect.authenticate(request, scopes=["read"])
        return PlainTextResponse(f"{verified.identity} {request.state.oidc.claims['sub']}")

    app = Starlette(routes=[Route("/", me)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api.test") as client:
        good = await client.get("/", headers={"Authorization": f"Bearer {issuer.token()}"})
        bad = await client.get("/", headers={"Authorization": f"Bearer {issuer.token(exp=1)}"})
        protect.init_app(app)
    assert good.text == "alice alice"
    assert bad.status_code == 401  # also without `init_app`
    assert 'error="invalid_token"' in bad.headers["WWW-Authenticate"]


@pytest.mark.parametrize("config", [{}, {"OIDC_ISSUER": "https://idp.example.com"}, {"OIDC_AUDIENCE": "api"}])
def test_a_missing_setting_is_an_error_when_the_application_is_made(config):
    with pytest.raises(errors.ConfigurationError):
        OIDCProtect(FastAPI(), config=config)
