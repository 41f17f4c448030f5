"""A Flask application behind it: what gets in, and what each refusal looks like (RFC 6750 §3)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Blueprint, Flask, copy_current_request_context, jsonify, make_response, request
from flask.json.provider import DefaultJSONProvider

from oidc_widget import errors
from oidc_widget.verify import TokenVerifier
from oidc_widget.verify.flask import OIDCProtect, current_claims, current_identity, token_required


@pytest.fixture
def protect(settings):
    return OIDCProtect(keys=settings["keys"], now=settings["now"])


@pytest.fixture
def app(issuer, protect):
    app = Flask(__name__)
    app.config.update(OIDC_ISSUER=issuer.url, OIDC_AUDIENCE=issuer.audience, OIDC_REALM="Demo")
    protect.init_app(app)

    @app.get("/me")
    @token_required
    def me():
        return {"identity": str(current_identity), "claims": dict(current_claims)}

    @app.get("/maybe")
    @token_required(optional=True)
    def maybe():
        return {"identity": str(current_identity) if current_identity else None}

    @app.get("/admin")
    @token_required(scopes=["admin", "read"])
    def admin():
        return {"hello": str(current_identity)}

    @app.get("/slow")
    @protect.token_required
    async def slow():
        return {"identity": str(current_identity)}

    @app.get("/open")
    def open_to_all():
        return {"identity": bool(current_identity), "claims": bool(current_claims)}

    return app


@pytest.fixture
def get(app):
    def get(path, token=None, **headers):
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return app.test_client().get(path, headers=headers)

    return get


def challenge(response):
    scheme, _, rest = response.headers["WWW-Authenticate"].partition(" ")
    return scheme, dict(re.findall(r'(\w+)="([^"]*)"', rest))


def test_a_good_token_lets_in(get, issuer):
    response = get("/me", issuer.token())
    assert response.status_code == 200
    assert response.json == {"identity": "alice", "claims": issuer.claims()}


def test_an_async_view_works_too(get, issuer):
    assert get("/slow", issuer.token()).json == {"identity": "alice"}


@pytest.mark.parametrize("authorization", [None, "", "Basic YTpi", "Bearer2 x", "token x"])
def test_without_a_token_the_challenge_names_no_error(authorization, get):
    response = get("/me", **({} if authorization is None else {"Authorization": authorization}))
    assert response.status_code == 401
    assert challenge(response) == ("Bearer", {"realm": "Demo"})
    assert response.json["code"] == "missing_token"


REFUSED = {
    "token_expired": lambda i: i.token(exp=1),
    "token_not_yet_valid": lambda i: i.token(nbf=i.now + 60),
    "wrong_issuer": lambda i: i.token(iss="https://evil.example"),
    "wrong_audience": lambda i: i.token(aud="x"),
    "bad_signature": lambda i: i.token(key=i.stranger),
    "unknown_key": lambda i: i.token(header={"kid": "x"}),
    "missing_claim": lambda i: i.token(exp=...),
    "malformed_token": lambda _: "no token",
    "algorithm_not_allowed": lambda i: i.raw(header={"alg": "none"}),
}


@pytest.mark.parametrize("code", REFUSED)
@pytest.mark.parametrize("path", ["/me", "/maybe", "/admin"])
def test_a_bad_token_is_answered_with_401_and_a_challenge(code, path, get, issuer):
    token = REFUSED[code](issuer)
    response = get(path, token)
    assert response.status_code == 401
    scheme, parameters = challenge(response)
    assert (scheme, parameters["realm"], parameters["error"]) == ("Bearer", "Demo", "invalid_token")
    assert parameters["error_description"]
    assert response.json["error"] == "invalid_token"
    assert response.json["code"] == code
    assert response.is_json
    assert token not in response.text


def test_an_empty_bearer_is_malformed(get):
    assert get("/me", Authorization="Bearer").json["code"] == "malformed_token"


def test_the_scheme_is_compared_without_regard_to_case(get, issuer):
    assert get("/me", Authorization=f"bEARER   {issuer.token()}").status_code == 200


def test_a_missing_scope_is_answered_with_403_and_the_scopes(get, issuer):
    response = get("/admin", issuer.token())
    assert response.status_code == 403
    scheme, parameters = challenge(response)
    assert scheme == "Bearer"
    assert parameters["error"] == "insufficient_scope"
    assert parameters["scope"] == "admin read"
    assert response.json["scope"] == "admin read"
    assert get("/admin", issuer.token(scope="admin read")).json == {"hello": "alice"}


def test_an_optional_token_may_be_missing_but_not_bad(get, issuer):
    assert get("/maybe").json == {"identity": None}
    assert get("/maybe", issuer.token()).json == {"identity": "alice"}
    assert get("/maybe", issuer.token(exp=1)).status_code == 401


def test_an_identity_does_not_outlive_its_request(app, get, issuer):
    with app.app_context():
        assert get("/me", issuer.token()).status_code == 200
        assert get("/open").json == {"identity": False, "claims": False}
        assert get("/maybe").json == {"identity": None}


def test_a_header_can_not_set_the_identity(get):
    assert (
        get("/open", **{"oidc_widget.verified": "x", "Oidc-Widget-Verified": "x"}).json["identity"] is False
    )


def test_what_an_outer_application_noted_does_not_count(app):
    noted = {"oidc_widget.verified": type("Noted", (), {"identity": "eve", "claims": {}})}
    assert app.test_client().get("/maybe", environ_overrides=noted).json == {"identity": None}


def test_the_identity_goes_along_into_threads_with_the_request(app, issuer):
    @app.get("/thread")
    @token_required
    def thread():
        return copy_current_request_context(lambda: str(current_identity))()

    response = app.test_client().get("/thread", headers={"Authorization": f"Bearer {issuer.token()}"})
    assert response.text == "alice"


def test_preflight_requests_need_no_token(app):
    assert app.test_client().options("/me").status_code == 200


def test_what_a_stranger_wrote_can_not_break_the_header(get, issuer):
    response = get("/me", issuer.token(iss='x"\r\nSet-Cookie: a=b\\ é'))
    value = response.headers["WWW-Authenticate"]
    assert value.isascii()
    assert value.isprintable()
    assert "Set-Cookie" not in response.headers
    assert challenge(response)[1]["error"] == "invalid_token"
    assert value.count('"') == 6


def test_the_identity_is_what_the_handler_makes_of_the_claims(get, protect, issuer):
    @protect.identity_handler
    def identity(claims):
        return {"alice": "Alice Adams"}.get(claims["sub"])

    assert get("/me", issuer.token()).json["identity"] == "Alice Adams"
    response = get("/me", issuer.token(sub="eve"))
    assert response.status_code == 401
    assert response.json["code"] == "unknown_identity"


def test_the_claims_handler_may_refuse_and_may_replace(get, protect, issuer):
    @protect.claims_handler
    def check(claims):
        if "banned" in claims.get("groups", ()):
            raise errors.VerificationError("Not today.", code="banned")
        return {**claims, "plan": "basic"} if claims["sub"] == "bob" else None

    assert "plan" not in get("/me", issuer.token()).json["claims"]
    assert get("/me", issuer.token(sub="bob")).json["claims"]["plan"] == "basic"
    response = get("/me", issuer.token(groups=["banned"]))
    assert (response.status_code, response.json["code"]) == (401, "banned")


def test_the_token_may_come_from_elsewhere(get, protect, issuer):
    @protect.token_getter
    def from_header():
        return request.headers.get("X-Forwarded-Access-Token")

    assert get("/me", **{"X-Forwarded-Access-Token": issuer.token()}).status_code == 200
    response = get("/me", issuer.token())
    assert (response.status_code, response.json["code"]) == (401, "missing_token")
    assert get("/maybe").status_code == 200


def test_the_error_handler_answers_and_the_challenge_stays(get, protect, issuer):
    @protect.error_handler
    def answer(error):
        return {"oops": error.code}, 401

    response = get("/me", issuer.token(exp=1))
    assert (response.status_code, response.json) == (401, {"oops": "token_expired"})
    assert challenge(response)[1]["error"] == "invalid_token"

    @protect.error_handler
    def answer_otherwise(error):
        response = make_response(error.message, 418)
        response.headers["WWW-Authenticate"] = "Mine"
        return response

    response = get("/me", issuer.token(exp=1))
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (418, "Mine")


def test_an_unreachable_provider_is_503_and_says_nothing_internal(key_server, issuer, caplog):
    app = Flask(__name__)
    OIDCProtect(app, issuer=key_server.issuer, audience="api", now=lambda: issuer.now)
    key_server.responses["/jwks"] = (500, {}, b"")
    app.get("/me")(token_required(lambda: ""))

    token = issuer.token(iss=key_server.issuer, aud="api")
    response = app.test_client().get("/me", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert response.json["code"] == "keys_unavailable"
    assert key_server.issuer not in response.text
    assert f"{key_server.issuer}/jwks answered with status 500" in caplog.text
    assert token not in caplog.text


def test_a_whole_blueprint_may_be_protected(settings, issuer):
    app = Flask(__name__)
    protect = OIDCProtect(app, **settings)
    area = Blueprint("area", __name__)
    area.before_request(lambda: protect.authenticate(scopes=["read"]))
    area.get("/inside")(lambda: str(current_identity))
    app.register_blueprint(area)
    client = app.test_client()
    assert client.get("/inside").status_code == 401
    assert (
        client.get("/inside", headers={"Authorization": f"Bearer {issuer.token(scope='x')}"}).status_code
        == 403
    )
    assert client.get("/inside", headers={"Authorization": f"Bearer {issuer.token()}"}).text == "alice"


def configured(issuer, **config):
    app = Flask(__name__)
    app.config.update(OIDC_ISSUER=issuer.url, OIDC_AUDIENCE=issuer.audience, **config)
    OIDCProtect(app, keys=issuer.jwks, now=lambda: issuer.now)
    app.get("/")(token_required(lambda: str(current_identity)))

    def status(token, prefix="Bearer"):
        return app.test_client().get("/", headers={"Authorization": f"{prefix} {token}"}).status_code

    return status


@pytest.mark.parametrize("leeway", [60, timedelta(minutes=1)])
def test_config_leeway(leeway, issuer):
    status = configured(issuer, OIDC_LEEWAY=leeway)
    assert status(issuer.token(exp=issuer.now - 59)) == 200
    assert status(issuer.token(exp=issuer.now - 60)) == 401


def test_config_header_prefix(issuer):
    status = configured(issuer, OIDC_HEADER_PREFIX="JWT")
    assert status(issuer.token(), "JWT") == 200
    assert status(issuer.token()) == 401


def test_config_algorithms(issuer):
    status = configured(issuer, OIDC_ALGORITHMS=["ES256"])
    assert status(issuer.token(alg="ES256")) == 200
    assert status(issuer.token()) == 401


def test_config_required_claims(issuer):
    status = configured(issuer, OIDC_REQUIRED_CLAIMS=["exp", "groups"])
    assert status(issuer.token(groups=[], iat=...)) == 200
    assert status(issuer.token()) == 401


def test_config_verify_claims(issuer):
    status = configured(issuer, OIDC_VERIFY_CLAIMS=["signature", "exp", "aud", "iat"])
    assert status(issuer.token(nbf=issuer.now + 999)) == 200
    assert status(issuer.token(iat=issuer.now + 999)) == 401
    assert status(issuer.token(exp=1)) == 401
    assert status(issuer.token(iss="https://evil.example")) == 401
    assert status(issuer.token(key=issuer.stranger)) == 401


def test_leaving_the_audience_unverified_must_be_meant(issuer):
    with pytest.raises(errors.ConfigurationError, match="leaves 'aud' out"):
        configured(issuer, OIDC_VERIFY_CLAIMS=["signature", "exp", "nbf", "iat"])
    app = Flask(__name__)
    app.config.update(OIDC_ISSUER=issuer.url, OIDC_VERIFY_CLAIMS=["nbf", "iat"])
    OIDCProtect(app, keys=issuer.jwks, now=lambda: issuer.now)
    app.get("/")(token_required(lambda: ""))
    token = issuer.token(aud="another")
    assert app.test_client().get("/", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("config", [{}, {"OIDC_ISSUER": "https://idp.example.com"}, {"OIDC_AUDIENCE": "api"}])
def test_a_missing_setting_is_an_error_when_the_application_is_made(config):
    app = Flask(__name__)
    app.config.update(config)
    with pytest.raises(errors.ConfigurationError):
        OIDCProtect(app)


def test_a_view_without_the_extension_fails_loudly():
    unprotected = Flask(__name__)
    unprotected.testing = True
    unprotected.get("/")(token_required(lambda: ""))
    with pytest.raises(errors.ConfigurationError, match="OIDCProtect"):
        unprotected.test_client().get("/")


def test_one_extension_serves_several_applications(settings, issuer):
    protect = OIDCProtect(keys=settings["keys"], now=settings["now"], issuer=issuer.url)
    statuses = []
    for audience in (issuer.audience, "other"):
        app = Flask(__name__)
        app.config["OIDC_AUDIENCE"] = audience
        protect.init_app(app)
        app.get("/")(protect.token_required(lambda: ""))
        response = app.test_client().get("/", headers={"Authorization": f"Bearer {issuer.token()}"})
        statuses.append(response.status_code)
    assert statuses == [200, 401]


def test_a_verifier_may_be_ready_made(settings, issuer):
    app = Flask(__name__)
    OIDCProtect(app, verifier=TokenVerifier(**settings))
    app.get("/")(token_required(lambda: str(current_identity)))
    response = app.test_client().get("/", headers={"Authorization": f"Bearer {issuer.token()}"})
    assert response.text == "alice"
    denied = app.test_client().get("/")
    assert challenge(denied) == ("Bearer", {"realm": "Login Required"})


def test_there_is_no_endpoint_for_passwords(app):
    assert {rule.rule for rule in app.url_map.iter_rules()} == {
        "/static/<path:filename>",
        "/me",
        "/maybe",
        "/admin",
        "/slow",
        "/open",
    }


# --- preflights (Fetch standard) ---

PREFLIGHT = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}


@pytest.fixture
def area(settings):
    """An application with one area behind a guard, where views note that they ran."""
    app = Flask(__name__)
    protect = OIDCProtect(app, **settings)
    area = Blueprint("area", __name__)
    area.before_request(lambda: protect.authenticate(scopes=["read"]))
    ran = []

    @area.route("/jobs", methods=["GET", "POST"])
    def jobs():
        ran.append(request.method)
        return str(current_identity)

    @area.route("/own", methods=["GET", "OPTIONS"])
    def answers_options_itself():
        ran.append(request.method)
        return str(current_identity)

    @app.route("/decorated", methods=["GET", "OPTIONS"])
    @protect.token_required
    def decorated():
        ran.append(request.method)
        return str(current_identity)

    app.register_blueprint(area)
    app.extensions["ran"] = ran
    return app


@pytest.mark.parametrize("headers", [PREFLIGHT, {}, {"Origin": "https://app.example.com"}])
def test_a_guarded_blueprint_lets_preflights_through_that_flask_answers(headers, area):
    answer = area.test_client().options("/jobs", headers=headers)
    assert answer.status_code == 200
    assert "POST" in answer.headers["Allow"]
    assert not area.extensions["ran"]


@pytest.mark.parametrize("path", ["/own", "/decorated"])
def test_a_preflight_never_runs_a_view(path, area, issuer):
    client = area.test_client()
    assert client.options(path, headers=PREFLIGHT).status_code == 200
    assert not area.extensions["ran"]
    assert client.options(path).status_code == 401  # no preflight, and the view would run
    assert not area.extensions["ran"]
    good = {"Authorization": f"Bearer {issuer.token()}"}
    assert client.options(path, headers=good).text == "alice"


def test_a_request_that_only_looks_like_a_preflight_is_guarded(area):
    for method in ("get", "post", "head"):
        assert getattr(area.test_client(), method)("/jobs", headers=PREFLIGHT).status_code == 401
    assert not area.extensions["ran"]


def test_an_application_wide_guard_refuses_what_is_not_there_too(settings):
    app = Flask(__name__)
    protect = OIDCProtect(app, **settings)
    app.before_request(protect.authenticate)
    assert app.test_client().get("/nowhere").status_code == 401
    assert app.test_client().options("/nowhere", headers=PREFLIGHT).status_code == 401


# --- what views do ---


def test_claims_may_be_written_as_json(app, get, issuer):
    @app.get("/json")
    @token_required
    def as_json():
        return jsonify(claims=current_claims, who=current_identity)

    @app.get("/claims")
    @token_required
    def alone():
        return jsonify(current_claims)

    token = issuer.token(groups=["staff"])
    assert get("/json", token).json == {"claims": issuer.claims(groups=["staff"]), "who": "alice"}
    assert get("/claims", token).json == issuer.claims(groups=["staff"])
    app.json = DefaultJSONProvider(app)  # as an application may, at any time
    assert get("/claims", token).json["sub"] == "alice"
    app.json.default = None
    assert get("/me", token).status_code == 200


def test_what_json_can_not_hold_stays_an_error(app, get, issuer):
    app.testing = True

    @app.get("/object")
    @token_required
    def an_object():
        return jsonify(object())

    with pytest.raises(TypeError):
        get("/object", issuer.token())


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (errors.InsufficientScope("More.", scopes=["admin"]), 403, "insufficient_scope"),
        (errors.InsufficientRole("More.", roles=["admin"]), 403, "insufficient_scope"),
        (errors.InsufficientPermission("More.", permissions=["x"]), 403, "insufficient_scope"),
        (errors.InsufficientAuthentication("More.", max_age=5), 401, "insufficient_user_authentication"),
        (errors.VerificationError("No."), 401, "invalid_token"),
    ],
)
def test_what_a_view_raises_is_answered_as_a_refusal(  # noqa: PLR0913, PLR0917  (what is tried, and fixtures)
    error, status, name, app, get, issuer
):
    @app.get("/raise")
    @token_required
    def view():
        raise error

    answer = get("/raise", issuer.token())
    assert (answer.status_code, answer.json["code"]) == (status, error.code)
    assert challenge(answer)[1]["error"] == name


def test_an_application_s_own_handler_of_such_errors_stays(settings, issuer):
    app = Flask(__name__)
    app.register_error_handler(errors.VerificationError, lambda _: ("mine", 418))
    OIDCProtect(app, **settings)

    @app.get("/")
    @token_required
    def view():
        raise errors.InsufficientScope("More.", scopes=["admin"])

    answer = app.test_client().get("/", headers={"Authorization": f"Bearer {issuer.token()}"})
    assert (answer.status_code, answer.text) == (418, "mine")
    assert app.test_client().get("/").status_code == 401  # what the guard refuses is the guard's


def test_hooks_may_be_coroutine_functions(get, protect, issuer):
    @protect.identity_handler
    async def identity(claims):
        return "Alice" if claims["sub"] == "alice" else None

    assert get("/me", issuer.token()).json["identity"] == "Alice"
    assert get("/me", issuer.token(sub="eve")).json["code"] == "unknown_identity"


def test_an_outer_application_of_ours_vouches_for_nobody_here(settings, issuer):
    inner, outer = Flask("inner"), Flask("outer")
    OIDCProtect(outer, **settings)
    inner.get("/")(lambda: str(bool(current_identity)))

    @outer.get("/")
    @token_required
    def pass_on():
        return inner.test_client().get("/", environ_overrides={**request.environ, "PATH_INFO": "/"}).text

    answer = outer.test_client().get("/", headers={"Authorization": f"Bearer {issuer.token()}"})
    assert answer.text == "False"


def test_keys_may_be_fetched_at_the_start(key_server):
    app = Flask(__name__)
    app.config.update(OIDC_ISSUER=key_server.issuer, OIDC_AUDIENCE="api", OIDC_FETCH_KEYS="true")
    OIDCProtect(app)
    assert key_server.counts["/jwks"] == 1
    key_server.metadata = {"issuer": "https://other.example.com"}
    with pytest.raises(errors.DiscoveryError) as caught:
        OIDCProtect(Flask(__name__), issuer=key_server.issuer, audience="api", fetch_keys=True)
    assert caught.value.code == "issuer_mismatch"
