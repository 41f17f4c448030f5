"""Several protections in one application: each enforces its own policy, whatever the order of things."""

# Without postponed annotations: FastAPI reads them, and the dependencies here are in no module's globals.

from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from flask import Blueprint, Flask, jsonify
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import JSONResponse

from oidc_widget import errors
from oidc_widget.verify import fastapi, flask

URL = "https://idp.example.com"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def policy(issuer):
    """What each protection of these tests is given: its audience is its name, and so is the scope."""

    def policy(name):
        return {
            "issuer": issuer.url,
            "audience": name,
            "scopes": [name],
            "keys": issuer.jwks,
            "now": lambda: issuer.now,
            "realm": name,
        }

    return policy


@pytest.fixture
def token(issuer):
    return lambda name, **changes: issuer.token(**{"aud": name, "scope": name, "sub": f"{name}'s", **changes})


@pytest.fixture
def app(policy):
    app = Flask(__name__)
    for name in ("admin", "public"):
        protect = flask.OIDCProtect(app, **policy(name))
        view = protect.token_required(lambda: str(flask.current_identity))
        app.add_url_rule(f"/{name}", name, view)
        area = Blueprint(f"{name}-area", __name__, url_prefix=f"/{name}-area")
        area.before_request(protect.authenticate)
        area.add_url_rule("/", "index", lambda: str(flask.current_identity))
        app.register_blueprint(area)
    return app


@pytest.mark.parametrize("path", ["/{}", "/{}-area/"])
@pytest.mark.parametrize(("mine", "other"), [("admin", "public"), ("public", "admin")])
def test_a_flask_view_obeys_the_protection_that_it_names(path, mine, other, app, token):
    get = app.test_client().get
    assert get(path.format(mine), headers=bearer(token(mine))).text == f"{mine}'s"
    refused = get(path.format(mine), headers=bearer(token(other)))
    assert (refused.status_code, refused.json["code"]) == (401, "wrong_audience")
    assert f'realm="{mine}"' in refused.headers["WWW-Authenticate"]
    poor = get(path.format(mine), headers=bearer(token(mine, scope="")))
    assert (poor.status_code, poor.json["scope"]) == (403, mine)


def test_a_view_that_names_none_of_several_runs_for_nobody(app, token):
    app.get("/which")(flask.token_required(lambda: "in"))
    app.testing = True
    with pytest.raises(errors.ConfigurationError, match="several protections"):
        app.test_client().get("/which", headers=bearer(token("public")))
    app.testing = False
    assert app.test_client().get("/which", headers=bearer(token("public"))).status_code == 500


def test_each_protection_has_its_own_hooks_in_flask(policy, token):
    app = Flask(__name__)
    for name in ("admin", "public"):
        protect = flask.OIDCProtect(app, **policy(name))
        protect.identity_handler(lambda claims, name=name: f"{claims['sub']} by {name}")
        protect.claims_handler(lambda claims, name=name: {**claims, "by": name})
        protect.error_handler(lambda error, name=name: ({"by": name, "code": error.code}, 401))
        view = protect.token_required(lambda: jsonify(flask.current_identity, flask.current_claims["by"]))
        app.add_url_rule(f"/{name}", name, view)
    get = app.test_client().get
    for name in ("public", "admin", "public"):
        assert get(f"/{name}", headers=bearer(token(name))).json == [f"{name}'s by {name}", name]
        assert get(f"/{name}").json == {"by": name, "code": "missing_token"}


def test_what_a_view_raises_is_answered_by_the_protection_that_let_the_request_in(policy, token):
    app = Flask(__name__)

    def view():
        raise errors.InsufficientScope("More is needed.", scopes=["more"])

    for name in ("admin", "public"):
        protect = flask.OIDCProtect(app, **policy(name))
        app.add_url_rule(f"/{name}", name, protect.token_required(view))
    for name in ("public", "admin"):
        answer = app.test_client().get(f"/{name}", headers=bearer(token(name)))
        assert answer.status_code == 403
        assert f'realm="{name}"' in answer.headers["WWW-Authenticate"]


async def asked(app, path, token=None):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        return await client.get(path, headers={} if token is None else bearer(token))


@pytest.fixture
def fast(policy):
    app = FastAPI()
    protections = {name: fastapi.OIDCProtect(app, **policy(name)) for name in ("admin", "public")}
    for name, protect in protections.items():
        protect.identity_handler(lambda claims, name=name: f"{claims['sub']} by {name}")

        async def view(
            claims: Annotated[dict, Depends(protect)], identity: Annotated[str, Depends(protect.identity)]
        ):
            return [claims["aud"], identity]

        app.get(f"/{name}")(view)
    app.state.protections = protections
    return app


@pytest.mark.parametrize(("mine", "other"), [("admin", "public"), ("public", "admin")])
async def test_a_fastapi_route_obeys_the_protection_that_it_names(mine, other, fast, token):
    assert (await asked(fast, f"/{mine}", token(mine))).json() == [mine, f"{mine}'s by {mine}"]
    refused = await asked(fast, f"/{mine}", token(other))
    assert (refused.status_code, refused.json()["code"]) == (401, "wrong_audience")
    assert f'realm="{mine}"' in refused.headers["WWW-Authenticate"]


async def test_each_protection_answers_its_own_refusals_in_fastapi(fast):
    for name, protect in fast.state.protections.items():
        protect.error_handler(lambda _, error, name=name: JSONResponse({"by": name, "code": error.code}, 401))
    for name in ("public", "admin"):
        assert (await asked(fast, f"/{name}")).json() == {"by": name, "code": "missing_token"}


async def test_two_protections_of_one_request_keep_their_identities_apart(policy, issuer):
    app = FastAPI()
    one, two = (fastapi.OIDCProtect(app, **policy(name)) for name in ("one", "two"))
    one.identity_handler(lambda _: "by one")
    two.identity_handler(lambda _: "by two")

    @app.get("/")
    async def both(
        first: Annotated[str, Depends(one.identity)],
        second: Annotated[str, Depends(two.identity)],
        _: Annotated[dict, Depends(one)],
    ):
        return [first, second]

    good = issuer.token(aud=["one", "two"], scope="one two")
    assert (await asked(app, "/", good)).json() == ["by one", "by two"]
    assert (await asked(app, "/", issuer.token(aud=["one"], scope="one two"))).status_code == 401
    assert (await asked(app, "/", issuer.token(aud=["two"], scope="one two"))).status_code == 401


async def test_the_openapi_description_tells_protections_apart(fast):
    described = (await asked(fast, "/openapi.json")).json()
    assert len(described["components"]["securitySchemes"]) == 2
    schemes = [described["paths"][f"/{name}"]["get"]["security"] for name in ("admin", "public")]
    assert schemes[0] != schemes[1]


AUDIENCES = ("a", "b", "c")
calls = st.lists(
    st.tuples(st.sampled_from(AUDIENCES), st.sampled_from((*AUDIENCES, None)), st.booleans()), max_size=8
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(AUDIENCES), again=st.lists(st.sampled_from(AUDIENCES), max_size=3), calls=calls)
def test_no_two_protections_ever_exchange_their_policies(order, again, calls, policy, token):
    """Whatever the order in which they are made, initialised again, and asked; alike in both frameworks."""
    app, fast = Flask(__name__), FastAPI()
    flasks = {name: flask.OIDCProtect(app, **policy(name)) for name in order}
    fasts = {name: fastapi.OIDCProtect(fast, **policy(name)) for name in order}
    for name in again:
        flasks[name].init_app(app)
        fasts[name].init_app(fast)
    for name in order:
        app.add_url_rule(f"/{name}", name, flasks[name].token_required(lambda: "in"))
        app.add_url_rule(
            f"/maybe/{name}", f"maybe {name}", flasks[name].token_required(optional=True)(lambda: "in")
        )
        fast.get(f"/{name}", dependencies=[Depends(fasts[name])])(lambda: "in")
        fast.get(f"/maybe/{name}", dependencies=[Depends(fasts[name].optional)])(lambda: "in")
    client = app.test_client()
    for name, theirs, optional in calls:
        expected = 200 if theirs == name or (optional and theirs is None) else 401
        path = f"/maybe/{name}" if optional else f"/{name}"
        headers = {} if theirs is None else bearer(token(theirs))
        answers = [client.get(path, headers=headers), fetch(fast, path, headers)]
        for answer in answers:
            assert answer.status_code == expected
            if expected == 401:
                assert f'realm="{name}"' in answer.headers["WWW-Authenticate"]


def fetch(app, path, headers):
    import asyncio  # noqa: PLC0415  (a loop of its own, where none runs)

    async def get():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(get())
