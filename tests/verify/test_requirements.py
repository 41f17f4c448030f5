"""What a route may demand besides scopes: roles, permissions, a sign-in of some kind and age (RFC 9470)."""

# Without postponed annotations: FastAPI reads them, and the dependencies here are in no module's globals.

from datetime import timedelta
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from flask import Flask

from oidc_widget import errors
from oidc_widget.verify import AllOf, AnyOf, Claims, TokenVerifier, fastapi, flask

DEMANDS = {
    "a role": ({"roles": "admin"}, {"roles": ["admin", "x"]}, {"roles": ["administrator"]}),
    "one of several roles": ({"roles": ["admin", "editor"]}, {"roles": ["editor"]}, {"roles": ["reader"]}),
    "all of several roles": (
        {"roles": AllOf("admin", "editor")},
        {"roles": ["editor", "admin"]},
        {"roles": ["editor"]},
    ),
    "a role with a space": ({"roles": "Domain Admins"}, {"roles": "Domain Admins"}, {"roles": "Domain"}),
    "a role of Keycloak's realm": (
        {"roles": "admin"},
        {"realm_access": {"roles": ["admin"]}},
        {"realm_access": {"roles": ["x"]}, "resource_access": {"other": {"roles": ["admin"]}}},
    ),
    "a role of this service in Keycloak": (
        {"roles": "admin"},
        {"resource_access": {"https://api.example.com": {"roles": ["admin"]}}},
        {"resource_access": {"account": {"roles": ["admin"]}}},
    ),
    "roles of the wrong kind": ({"roles": "admin"}, {"roles": ["admin"]}, {"roles": {"admin": True}}),
    "Keycloak's roles of the wrong kind": (
        {"roles": "admin"},
        {"roles": ["admin"], "realm_access": 7},
        {"realm_access": ["admin"], "resource_access": "admin"},
    ),
    "a permission": ({"permissions": "jobs:write"}, {"permissions": ["jobs:write"]}, {"permissions": []}),
    "one of several permissions": (
        {"permissions": ["a", "b"]},
        {"permissions": ["b"]},
        {"permissions": ["c"]},
    ),
    "all of several permissions": (
        {"permissions": AllOf("a", "b")},
        {"permissions": ["a", "b"]},
        {"permissions": ["a"]},
    ),
    "one of several scopes": ({"scopes": AnyOf("admin", "read")}, {"scope": "read"}, {"scope": "write"}),
    "a scope and a role": (
        {"scopes": "read", "roles": "admin"},
        {"roles": ["admin"]},
        {"scope": "", "roles": ["admin"]},
    ),
}


def flask_status(issuer, settings, demand, claims):
    app = Flask(__name__)
    protect = flask.OIDCProtect(app, **settings)
    app.add_url_rule("/", "view", protect.token_required(**demand)(lambda: "in"))
    app.add_url_rule("/hook", "hook", lambda: protect.authenticate(**demand) or "in")
    answers = [
        app.test_client().get(path, headers={"Authorization": f"Bearer {issuer.token(**claims)}"})
        for path in ("/", "/hook")
    ]
    assert answers[0].data == answers[1].data
    return answers[0]


async def fastapi_status(issuer, settings, demand, claims):
    app = FastAPI()
    protect = fastapi.OIDCProtect(app, **settings)

    @app.get("/")
    async def view(claims: Annotated[Claims, Depends(protect.requires(**demand))]):
        return claims["sub"]

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api.test") as client:
        return await client.get("/", headers={"Authorization": f"Bearer {issuer.token(**claims)}"})


@pytest.mark.parametrize("name", DEMANDS)
async def test_a_demand_is_met_or_the_answer_is_403(name, issuer, settings):
    demand, enough, too_little = DEMANDS[name]
    for claims, status in ((enough, 200), (too_little, 403)):
        answers = [
            flask_status(issuer, settings, demand, claims),
            await fastapi_status(issuer, settings, demand, claims),
        ]
        assert [answer.status_code for answer in answers] == [status, status]
        if status == 403:
            assert 'error="insufficient_scope"' in answers[0].headers["WWW-Authenticate"]
            assert answers[0].headers["WWW-Authenticate"] == answers[1].headers["WWW-Authenticate"]
            assert answers[0].json == answers[1].json()


def test_what_is_missing_is_told_by_a_code_of_its_own(issuer, settings):
    verifier = TokenVerifier(**settings)
    claims = verifier.verify(issuer.token(roles=["reader"], permissions=["read"]))
    assert (claims.roles, claims.permissions) == ({"reader"}, {"read"})
    verifier.require(claims, roles="reader", permissions="read")
    with pytest.raises(errors.InsufficientRole, match="admin or editor") as caught:
        verifier.require(claims, roles=["admin", "editor"])
    assert (caught.value.code, caught.value.roles) == ("insufficient_role", ("admin", "editor"))
    with pytest.raises(errors.InsufficientPermission, match="a and b") as caught:
        verifier.require(claims, permissions=AllOf("a", "b"))
    assert (caught.value.code, caught.value.permissions) == ("insufficient_permission", ("a", "b"))


def test_roles_that_a_token_only_refers_to_are_not_fetched(issuer, settings):
    """A distributed claim (OIDC Core §5.6.2): its address would be the token's word."""
    verifier = TokenVerifier(**settings, required_claims=["exp"])
    elsewhere = {"_claim_names": {"roles": "s"}, "_claim_sources": {"s": {"endpoint": "https://x.example"}}}
    with pytest.raises(errors.InsufficientRole, match="distributed claim"):
        verifier.require(verifier.verify(issuer.token(**elsewhere)), roles="admin")
    with pytest.raises(errors.MissingClaim, match="distributed claim"):
        TokenVerifier(**settings, required_claims=["roles"]).verify(issuer.token(**elsewhere))


def test_roles_are_those_that_the_claims_handler_returns(issuer, settings):
    app = Flask(__name__)
    protect = flask.OIDCProtect(app, **settings)
    protect.claims_handler(lambda claims: {**claims, "roles": ["admin"] if claims["sub"] == "bob" else []})
    app.get("/")(protect.token_required(roles="admin")(lambda: "in"))
    get = app.test_client().get
    assert get("/", headers={"Authorization": f"Bearer {issuer.token(sub='bob')}"}).status_code == 200
    said = issuer.token(roles=["admin"])
    assert get("/", headers={"Authorization": f"Bearer {said}"}).status_code == 403


# --- step-up (RFC 9470) ---

GOLD = "urn:example:gold"
STEP_UP = {
    "the wrong context": ({"acr": GOLD}, {"acr": "silver"}, {"acr_values": GOLD}),
    "no context": ({"acr": [GOLD, "platinum"]}, {}, {"acr_values": f"{GOLD} platinum"}),
    "a context of the wrong kind": ({"acr": GOLD}, {"acr": [GOLD]}, {"acr_values": GOLD}),
    "too long ago": ({"max_age": 300}, {"auth_time": -311}, {"max_age": "300"}),
    "nobody knows when": ({"max_age": 300}, {}, {"max_age": "300"}),
    "a time of the wrong kind": ({"max_age": 300}, {"auth_time": "now"}, {"max_age": "300"}),
    "a truth value as time": (
        {"max_age": timedelta(days=40_000)},
        {"auth_time": True},
        {"max_age": "3456000000"},
    ),
    "both": (
        {"acr": GOLD, "max_age": 5},
        {"acr": GOLD, "auth_time": -60},
        {"acr_values": GOLD, "max_age": "5"},
    ),
}


def with_time(claims, now):
    seconds = claims.get("auth_time")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return claims
    return {**claims, "auth_time": now + seconds}


@pytest.mark.parametrize("name", STEP_UP)
async def test_a_sign_in_that_does_not_suffice_is_answered_with_what_would(name, issuer, settings):
    demand, claims, told = STEP_UP[name]
    claims = with_time(claims, issuer.now)
    answers = [
        flask_status(issuer, settings, demand, claims),
        await fastapi_status(issuer, settings, demand, claims),
    ]
    for answer in answers:
        assert answer.status_code == 401
        challenge = answer.headers["WWW-Authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        for parameter, value in told.items():
            assert f'{parameter}="{value}"' in challenge
    body = answers[0].json
    assert body["code"] == "insufficient_user_authentication"
    assert {parameter: body[parameter] for parameter in told} == told


@pytest.mark.parametrize(
    ("demand", "claims"),
    [
        ({"acr": GOLD}, {"acr": GOLD}),
        ({"acr": f"silver {GOLD}"}, {"acr": GOLD}),
        ({"max_age": 300}, {"auth_time": -299.5}),
        ({"max_age": timedelta(minutes=5)}, {"auth_time": -309}),  # within the leeway
        ({"max_age": "300"}, {"auth_time": 0}),
    ],
)
async def test_a_sign_in_that_suffices_lets_in(demand, claims, issuer, settings):
    claims = with_time(claims, issuer.now)
    assert flask_status(issuer, settings, demand, claims).status_code == 200
    assert (await fastapi_status(issuer, settings, demand, claims)).status_code == 200


def test_a_time_beyond_all_numbers_is_none(settings):
    verifier = TokenVerifier(**settings)
    with pytest.raises(errors.InsufficientAuthentication) as caught:
        verifier.require({"auth_time": float("inf")}, max_age=5)
    assert (caught.value.acr, caught.value.max_age) == ((), 5)
