import re

import pytest

from oidc_widget.oauth.callback_address import TAIL_PATTERN, issuer_tail, own_address

#: Held in frontend/oauth/callback-address.test.ts too; `printf %s ISSUER | sha256sum` gives the last part.
VECTORS = {
    "https://idp.example.com": "idp.example.com.6e2977ae82314db3",
    "https://IDP.example.com:8443/realms/a": "idp.example.com.43af2a7afba6d97c",
    "http://127.0.0.1:54071": "127.0.0.1.f96d50159bb140c5",
    "http://[::1]:9000": "___1_.819e6e9eb1f604bf",
}


@pytest.mark.parametrize(("issuer", "tail"), VECTORS.items())
def test_the_tail_names_the_host_and_tells_issuers_apart(issuer, tail):
    assert issuer_tail(issuer) == tail
    assert re.fullmatch(TAIL_PATTERN, tail)
    assert len({issuer_tail(f"{issuer}/{n}") for n in range(100)}) == 100


def test_an_own_address_is_below_the_callback():
    callback = "https://hub.example.com/user/alice/oidc-widget/callback"
    issuer = "https://idp.example.com"
    assert own_address(callback, issuer) == f"{callback}/{VECTORS[issuer]}"
