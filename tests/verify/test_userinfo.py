"""Claims that a token leaves out, from its issuer (OpenID Connect Core §5.3)."""

from __future__ import annotations

import traceback

import pytest

from oidc_widget import errors
from oidc_widget.verify import TokenVerifier


@pytest.fixture
def verifier(key_server, issuer, http_client):
    key_server.metadata = {"userinfo_endpoint": f"{key_server.issuer}/userinfo"}
    return TokenVerifier(key_server.issuer, issuer.audience, now=lambda: issuer.now, http_client=http_client)


@pytest.fixture
def token(issuer, key_server):
    return issuer.token(iss=key_server.issuer)


def test_the_provider_is_asked_with_the_token(verifier, key_server, token):
    asked = []

    def answer(handler, _):
        asked.append(handler.headers["Authorization"])
        return 200, {}, {"sub": "alice", "email": "alice@example.com"}

    key_server.responses["/userinfo"] = answer
    told = verifier.userinfo(token)
    assert dict(told) == {"sub": "alice", "email": "alice@example.com"}
    assert asked == [f"Bearer {token}"]
    with pytest.raises(TypeError):
        told["sub"] = "eve"


@pytest.mark.parametrize(
    "told", [{"sub": "eve", "email": "e@example.com"}, {}, {"sub": None}, {"sub": ["alice"]}]
)
def test_an_answer_about_somebody_else_is_refused(told, verifier, key_server, token):
    key_server.responses["/userinfo"] = (200, {}, told)
    with pytest.raises(errors.InvalidClaim) as caught:
        verifier.userinfo(token)
    assert caught.value.claim == "sub"


def test_a_bad_token_is_not_sent_anywhere(verifier, key_server, issuer):
    with pytest.raises(errors.WrongAudience):
        verifier.userinfo(issuer.token(iss=key_server.issuer, aud="x"))
    assert "/userinfo" not in key_server.counts


@pytest.mark.parametrize("answer", [(401, {}, {}), (302, {"Location": "/x"}, b""), (200, {}, [])])
def test_a_provider_that_does_not_tell_is_no_fault_of_the_token(answer, verifier, key_server, token):
    key_server.responses["/userinfo"] = answer
    with pytest.raises(errors.DiscoveryError) as caught:
        verifier.userinfo(token)
    assert token not in "".join(traceback.format_exception(caught.value))
    assert "/x" not in key_server.counts


def test_an_address_that_may_not_be_asked_is_not(verifier, key_server, token):
    key_server.metadata = {"userinfo_endpoint": "http://idp.example.com/userinfo"}
    with pytest.raises(errors.DiscoveryError) as caught:
        verifier.userinfo(token)
    assert caught.value.code == "insecure_url"


def test_it_needs_no_client_of_the_callers(key_server, issuer, token):
    key_server.metadata = {"userinfo_endpoint": f"{key_server.issuer}/userinfo"}
    key_server.responses["/userinfo"] = (200, {}, {"sub": "alice"})
    verifier = TokenVerifier(key_server.issuer, issuer.audience, now=lambda: issuer.now)
    assert verifier.userinfo(token)["sub"] == "alice"
