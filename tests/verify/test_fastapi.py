"""FastAPI and Starlette applications behind it.

Without postponed annotations: FastAPI reads them, and the dependencies here are in no module's globals.
"""

from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Security, WebSocket
from fastapi.openapi.models import OAuth2, OAuthFlowAuthorizationCode, OAuthFlows
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient, WebSocketDenialResponse

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
    assert described["components"]["securitySchemes"]["OIDCAccessToken"] == {
        "type": "openIdConnect",
        "openIdConnectUrl": "https://idp.example.com/.well-known/openid-configuration",
    }
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


async def ask(app, path, token=None, *, method="GET", **headers):
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api.test") as client:
        return await client.request(method, path, headers=headers)


async def test_a_refusal_in_middleware_is_answered_too(settings, issuer):
    app = FastAPI()
    protect = OIDCProtect(app, realm="Demo", **settings)

    @app.middleware("http")
    async def guard(request, call_next):
        await protect.authenticate(request, scopes=["read"])
        return await call_next(request)

    @app.get("/")
    async def view(request: Request):
        return request.state.oidc.identity

    refused = await ask(app, "/")
    assert (refused.status_code, refused.json()["code"]) == (401, "missing_token")
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="Demo"'
    assert (await ask(app, "/", issuer.token(scope="x"))).status_code == 403
    assert (await ask(app, "/", issuer.token())).json() == "alice"
    protect.error_handler(lambda _, error: JSONResponse({"oops": error.code}, 401))
    assert (await ask(app, "/")).json() == {"oops": "missing_token"}


async def test_middleware_of_the_application_s_own_keeps_its_place(settings):
    app = FastAPI()
    order = []

    @app.middleware("http")
    async def early(request, call_next):
        order.append("early")
        return await call_next(request)

    OIDCProtect(app, **settings)

    @app.middleware("http")
    async def late(request, call_next):
        order.append("late")
        return await call_next(request)

    assert (await ask(app, "/openapi.json")).status_code == 200
    assert order == ["late", "early"]
    assert [middleware.kwargs["dispatch"] for middleware in app.user_middleware] == [late, early]


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (errors.InsufficientScope("More.", scopes=["admin"]), 403, "insufficient_scope"),
        (errors.InsufficientAuthentication("More.", acr=["gold"]), 401, "insufficient_user_authentication"),
        (errors.VerificationError("No."), 401, "invalid_token"),
    ],
)
@pytest.mark.parametrize("asynchronous", [True, False])
async def test_what_a_view_raises_is_answered_as_a_refusal(  # noqa: PLR0913, PLR0917  (what is tried, and fixtures)
    error, status, name, asynchronous, app, protect, issuer
):
    def view(_: Annotated[Claims, Depends(protect)]):
        raise error

    async def async_view(_: Annotated[Claims, Depends(protect)]):
        raise error

    app.get("/raise")(async_view if asynchronous else view)
    answer = await ask(app, "/raise", issuer.token())
    assert (answer.status_code, answer.json()["code"]) == (status, error.code)
    assert f'realm="Demo", error="{name}"' in answer.headers["WWW-Authenticate"]


async def test_an_application_s_own_handler_of_such_errors_stays(settings, issuer):
    app = FastAPI()
    app.add_exception_handler(errors.VerificationError, lambda *_: PlainTextResponse("mine", 418))
    protect = OIDCProtect(app, **settings)

    @app.get("/")
    async def view(_: Annotated[Claims, Depends(protect)]):
        raise errors.InsufficientScope("More.", scopes=["admin"])

    assert (await ask(app, "/", issuer.token())).status_code == 418
    assert (await ask(app, "/")).status_code == 401


async def test_any_other_error_stays_one(app, protect, issuer):
    @app.get("/broken")
    async def broken(_: Annotated[Claims, Depends(protect)]):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ask(app, "/broken", issuer.token())


async def test_a_test_may_override_the_protection(app, protect):
    protect.identity_handler(lambda claims: {"bob": "Bob"}.get(claims["sub"]))

    @app.get("/demanding")
    async def demanding(claims: Annotated[dict, Depends(protect.requires(roles=["admin"], scopes=["x"]))]):
        return claims["sub"]

    app.dependency_overrides[protect] = lambda: {"sub": "bob"}
    assert (await ask(app, "/me")).json() == {"identity": "Bob", "claims": {"sub": "bob"}}
    assert (await ask(app, "/sync")).json() == {"identity": "bob"}
    assert (await ask(app, "/maybe")).json() == {"identity": "bob"}
    assert (await ask(app, "/admin")).json() == {"identity": "bob"}
    assert (await ask(app, "/demanding")).status_code == 403

    async def admin():
        return {"sub": "bob", "roles": ["admin"], "scope": "x"}

    app.dependency_overrides[protect] = admin
    assert (await ask(app, "/demanding")).json() == "bob"
    assert (await ask(app, "/maybe")).json() == {"identity": "bob"}
    app.dependency_overrides[protect] = lambda: {"sub": "eve"}
    unknown = await ask(app, "/me")
    assert (unknown.status_code, unknown.json()["code"]) == (401, "unknown_identity")
    app.dependency_overrides.clear()
    assert (await ask(app, "/me")).status_code == 401


async def test_an_override_that_needs_parameters_says_so_where_it_can_not_have_them(app, protect):
    def override(request: Request):
        return {"sub": request.headers["x-user"]}

    app.dependency_overrides[protect] = override
    assert (await ask(app, "/sync", **{"X-User": "bob"})).json() == {"identity": "bob"}
    with pytest.raises(errors.ConfigurationError, match=r"Override protect\.optional"):
        await ask(app, "/maybe")
    app.dependency_overrides[protect.optional] = lambda: None
    assert (await ask(app, "/maybe")).json() == {"identity": None}


async def test_claims_may_be_returned(app, protect, issuer):
    @app.get("/claims")
    async def claims(claims: Annotated[Claims, Depends(protect)]) -> dict:
        return claims

    @app.get("/plain")
    async def plain(claims: Annotated[Claims, Depends(protect)]):
        return {"claims": claims}

    assert (await ask(app, "/claims", issuer.token())).json() == issuer.claims()
    assert (await ask(app, "/plain", issuer.token())).json() == {"claims": issuer.claims()}


async def test_optional_and_demanding_routes_carry_a_security_entry(app, protect):
    @app.get("/demanding")
    async def demanding(_: Annotated[dict, Depends(protect.requires(roles=["admin"], scopes=["x"]))]): ...

    described = (await ask(app, "/openapi.json")).json()
    assert described["paths"]["/maybe"]["get"]["security"] == [{"OIDCAccessToken": []}]
    assert described["paths"]["/demanding"]["get"]["security"] == [{"OIDCAccessToken": ["x"]}]


async def test_the_scheme_of_the_description_may_be_chosen(settings):
    app = FastAPI()
    flows = OAuthFlows(
        authorizationCode=OAuthFlowAuthorizationCode(
            authorizationUrl="https://idp.example.com/authorize", tokenUrl="https://idp.example.com/token"
        )
    )
    chosen = OIDCProtect(app, openapi_scheme=OAuth2(flows=flows), scheme_name="corp", **settings)
    unnamed = OIDCProtect(app, **{**settings, "issuer": "no address", "jwks_uri": None}, scheme_name="plain")

    @app.get("/")
    async def view(_: Annotated[dict, Depends(chosen)], __: Annotated[dict, Depends(unnamed)]): ...

    schemes = (await ask(app, "/openapi.json")).json()["components"]["securitySchemes"]
    assert schemes["corp"]["flows"]["authorizationCode"]["tokenUrl"] == "https://idp.example.com/token"
    assert schemes["plain"] == {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


async def test_keys_may_be_fetched_at_the_start(key_server):
    OIDCProtect(issuer=key_server.issuer, audience="api", fetch_keys=True)
    assert key_server.counts["/jwks"] == 1
    key_server.responses["/jwks"] = (500, {}, b"")
    with pytest.raises(errors.DiscoveryError):
        OIDCProtect(config={"OIDC_ISSUER": key_server.issuer, "OIDC_AUDIENCE": "a", "OIDC_FETCH_KEYS": "1"})


def test_a_web_socket_without_a_token_is_refused(settings, issuer):
    app = FastAPI()
    protect = OIDCProtect(app, **settings)

    @app.websocket("/ws")
    async def ws(websocket: WebSocket, claims: Annotated[Claims, Depends(protect)]):
        await websocket.accept()
        await websocket.send_text(claims["sub"])
        await websocket.close()

    client = TestClient(app)
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/ws"):
        pass
    assert refused.value.status_code == 401
    with client.websocket_connect("/ws", headers={"Authorization": f"Bearer {issuer.token()}"}) as session:
        assert session.receive_text() == "alice"
