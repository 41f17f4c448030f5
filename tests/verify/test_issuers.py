"""Issuers that are not one fixed name: templates, functions, other spellings, other places for keys."""

from __future__ import annotations

import pytest

from oidc_widget import errors
from oidc_widget.verify import TokenVerifier

ENTRA = "https://login.microsoftonline.com/{tenantid}/v2.0"
TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
OTHER = "72f988bf-86f1-41af-91ab-2d7cd011db47"
GOOGLE = "https://accounts.google.com"


def of(tenant):
    return ENTRA.replace("{tenantid}", tenant)


@pytest.fixture
def entra(settings):
    return TokenVerifier(**{**settings, "issuer": ENTRA})


def test_a_template_stands_for_every_tenant(entra, issuer):
    for tenant in (TENANT, OTHER):
        assert entra.verify(issuer.token(iss=of(tenant), tid=tenant))["tid"] == tenant
        assert entra.verify(issuer.token(iss=of(tenant)))


@pytest.mark.parametrize(
    "iss",
    [
        ENTRA,
        of(""),
        of("a/b"),
        of("a.b"),
        of(".."),
        of("a?b"),
        of("a\n"),
        of(TENANT) + "/",
        of(TENANT) + "\n",
        of(TENANT).upper(),
        "https://login.microsoftonline.com.evil.example/x/v2.0",
        "https://evil.example/?https://login.microsoftonline.com/x/v2.0",
    ],
)
def test_what_does_not_fit_a_template_is_refused(iss, entra, issuer):
    with pytest.raises(errors.WrongIssuer):
        entra.verify(issuer.token(iss=iss))


@pytest.mark.parametrize("tid", [OTHER, "", 7, None, [TENANT]])
def test_the_tenant_in_the_issuer_is_the_tenant_of_the_token(tid, entra, issuer):
    with pytest.raises(errors.WrongIssuer):
        entra.verify(issuer.token(iss=of(TENANT), tid=tid))


def test_a_placeholder_named_as_a_claim_agrees_with_it(issuer, settings):
    verifier = TokenVerifier(**{**settings, "issuer": "https://{realm}.idp.example.com"})
    assert verifier.verify(issuer.token(iss="https://one.idp.example.com", realm="one"))
    with pytest.raises(errors.WrongIssuer):
        verifier.verify(issuer.token(iss="https://one.idp.example.com", realm="two"))
    with pytest.raises(errors.WrongIssuer):
        verifier.verify(issuer.token(iss="https://evil.example#.idp.example.com"))


def test_a_key_that_names_its_issuer_counts_for_no_other(issuer, settings):
    own = {**issuer.rsa.as_dict(private=False), "issuer": of(TENANT)}
    shared = {**issuer.ec.as_dict(private=False), "issuer": ENTRA}
    broken = {**issuer.ed.as_dict(private=False), "issuer": "https://{x"}
    verifier = TokenVerifier(**{**settings, "issuer": ENTRA, "keys": {"keys": [own, shared, broken]}})
    assert verifier.verify(issuer.token(iss=of(TENANT)))
    assert verifier.verify(issuer.token(alg="ES256", iss=of(OTHER)))
    for bad in (issuer.token(iss=of(OTHER)), issuer.token(alg="EdDSA", iss=of(TENANT))):
        with pytest.raises(errors.UnknownKey):
            verifier.verify(bad)


@pytest.mark.parametrize(
    "bad", ["https://x/{", "https://x/}", "https://x/{}", "https://x/{a}/{a}", "https://x/{1}"]
)
def test_a_broken_template_is_an_error_at_once(bad, settings):
    with pytest.raises(errors.ConfigurationError):
        TokenVerifier(**{**settings, "issuer": bad})


def test_a_function_may_decide(issuer, settings):
    asked = []

    def accepts(iss):
        asked.append(iss)
        return iss in {of(TENANT), of(OTHER)}

    verifier = TokenVerifier(**{**settings, "issuer": accepts})
    assert verifier.verify(issuer.token(iss=of(OTHER)))
    with pytest.raises(errors.WrongIssuer):
        verifier.verify(issuer.token(iss="https://evil.example"))
    with pytest.raises(errors.InvalidClaim):
        verifier.verify(issuer.token(iss=7))
    assert asked == [of(OTHER), "https://evil.example"]
    with pytest.raises(errors.WrongIssuer):  # only True is yes
        TokenVerifier(**{**settings, "issuer": lambda iss: iss}).verify(issuer.token())


@pytest.mark.parametrize("configured", [GOOGLE, [GOOGLE], "accounts.google.com"])
@pytest.mark.parametrize("iss", [GOOGLE, "accounts.google.com"])
def test_google_is_known_by_both_its_spellings(configured, iss, issuer, settings):
    verifier = TokenVerifier(**{**settings, "issuer": configured})
    assert verifier.verify(issuer.token(iss=iss))
    for wrong in ("accounts.google.com.evil.example", "http://accounts.google.com", "google.com"):
        with pytest.raises(errors.WrongIssuer):
            verifier.verify(issuer.token(iss=wrong))


def test_the_short_spelling_of_google_has_the_keys_of_the_long_one():
    verifier = TokenVerifier(["accounts.google.com", GOOGLE], "client")
    assert verifier.issuers == (GOOGLE,)
    assert len(verifier._issuers.sources) == 1


# --- over the network ---


@pytest.fixture
def remote(issuer, http_client, clock):
    def make(names, **differing):
        settings = {"now": lambda: issuer.now, "http_client": http_client, "clock": clock}
        return TokenVerifier(names, issuer.audience, **{**settings, **differing})

    return make


def test_each_tenant_of_a_template_is_discovered(remote, key_server, issuer):
    template = f"{key_server.issuer}/{{tenant}}"
    for tenant in ("one", "two"):
        metadata = {
            "issuer": f"{key_server.issuer}/{tenant}",
            "jwks_uri": f"{key_server.issuer}/{tenant}/keys",
        }
        key_server.responses[f"/{tenant}/.well-known/openid-configuration"] = (200, {}, metadata)
    key_server.responses["/one/keys"] = (200, {}, issuer.jwks)
    key_server.responses["/two/keys"] = (200, {}, {"keys": [issuer.stranger.as_dict(private=False)]})
    verifier = remote(template)
    for _ in range(2):
        assert verifier.verify(issuer.token(iss=f"{key_server.issuer}/one"))
        assert verifier.verify(issuer.token(iss=f"{key_server.issuer}/two", key=issuer.stranger))
    with pytest.raises(errors.BadSignature):  # each tenant's keys count for its own tokens
        verifier.verify(issuer.token(iss=f"{key_server.issuer}/two"))
    assert key_server.counts["/one/keys"] == 1


def test_a_template_may_have_one_key_set(remote, key_server, issuer):
    verifier = remote(f"{key_server.issuer}/{{tenant}}", jwks_uri=f"{key_server.issuer}/jwks")
    for tenant in ("one", "two"):
        assert verifier.verify(issuer.token(iss=f"{key_server.issuer}/{tenant}"))
    assert key_server.counts == {"/jwks": 1}


def test_only_so_many_tenants_have_keys_at_hand(remote, key_server, issuer):
    verifier = remote(f"{key_server.issuer}/{{tenant}}")
    for n in range(200):
        with pytest.raises(errors.KeysUnavailable):
            verifier.verify(issuer.token(iss=f"{key_server.issuer}/made-up-{n}"))
    assert len(verifier._issuers._discovered) <= 128


def test_an_address_that_a_function_accepts_must_be_one_that_may_be_asked(remote, issuer):
    with pytest.raises(errors.WrongIssuer, match="not protected"):
        remote(lambda _: True).verify(issuer.token(iss="http://idp.example.com"))
    with pytest.raises(errors.ConfigurationError):
        remote("http://idp.example.com/{tenant}")


def test_each_issuer_may_have_its_own_place_for_keys(remote, key_server, issuer):
    public, internal = "https://idp.example.com", "http://keycloak.internal:8080/realms/x"
    uris = {public: f"{key_server.issuer}/jwks", internal: f"{key_server.issuer}/jwks"}
    verifier = remote([public, internal], jwks_uri=uris)
    for name in (public, internal):
        assert verifier.verify(issuer.token(iss=name))
    assert key_server.counts == {"/jwks": 1}  # one set, fetched once


def test_some_issuers_may_be_discovered_and_others_told(remote, key_server, issuer):
    verifier = remote([key_server.issuer, "idp"], jwks_uri={"idp": f"{key_server.issuer}/other"})
    key_server.responses["/other"] = (200, {}, {"keys": [issuer.stranger.as_dict(private=False)]})
    assert verifier.verify(issuer.token(iss=key_server.issuer))
    assert verifier.verify(issuer.token(iss="idp", key=issuer.stranger))
    with pytest.raises(errors.BadSignature):
        verifier.verify(issuer.token(iss="idp"))


def test_a_place_for_keys_of_a_stranger_is_an_error(remote):
    with pytest.raises(errors.ConfigurationError, match="no issuer here"):
        remote("https://a.example", jwks_uri={"https://b.example": "https://b.example/jwks"})
    with pytest.raises(errors.ConfigurationError, match="one issuer's"):
        remote(["https://a.example", "https://b.example"], jwks_uri="https://b.example/jwks")
