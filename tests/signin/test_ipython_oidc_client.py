"""`authenticate(config, token)` as notebooks for `ipython-oidc-client` call it, in real kernels."""

from __future__ import annotations

CALL = """
import warnings
from oidc_widget import authenticate
token = {}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    authenticate({
        "authority": "https://idp.example/.well-known/openid-configuration",
        "client_id": "notebooks",
        "response_type": %r,
        "scope": "openid profile",
    }, token)
for warning in caught:
    print(warning.message)
"""


def authenticate(kernel, response_type="code"):
    kernel.displays.clear()
    output = kernel.run(CALL % response_type)
    [view] = [shown["application/vnd.jupyter.widget-view+json"] for shown in kernel.displays]
    kernel.adopt("shown", view["model_id"])
    return output


def test_the_dictionary_is_filled_when_the_token_arrives_and_kept_fresh(kernel):
    assert authenticate(kernel) == ""
    assert kernel.run("token") == "{}"
    for value in ("token-1", "token-2"):
        kernel.token("shown", value)
        kernel.run(f"import time\nwhile token != {{'access_token': {value!r}}}: time.sleep(0.001)")
    kernel.deliver("shown", "status", status="signed_out", ended=True)
    kernel.run("while token: time.sleep(0.001)")


def test_it_is_filled_while_a_cell_runs(kernel):
    authenticate(kernel)
    cell = kernel.start(
        "import time\nprint('waiting')\nwhile not token: time.sleep(0.001)\nprint(token['access_token'])"
    )
    kernel.hear_until(lambda: "waiting" in cell.output, "the cell to run")
    kernel.token("shown", "token-3")
    assert "token-3" in cell.finish()


def test_the_implicit_flow_is_answered_with_the_code_flow_and_a_warning(kernel):
    output = authenticate(kernel, "token")
    assert "the code flow is used instead (RFC 9700 §2.1.2)" in output


def test_what_is_asked_for_is_what_the_configuration_says(kernel):
    authenticate(kernel)
    request = kernel.run(
        "from ipywidgets.widgets.widget import _instances; list(_instances.values())[-1]._request"
    )
    assert "'scopes': ['openid', 'profile']" in request
    assert "'client_id': 'notebooks'" in request


def test_a_key_that_is_missing_is_named(kernel):
    error = kernel.start("authenticate({'authority': 'https://idp.example'}, {})").fail()
    assert "ConfigurationError: client_id is missing" in error.replace("\n", ": ")


def test_a_dictionary_is_filled_for_as_long_as_somebody_has_it(kernel):
    held = kernel.run("from oidc_widget.ipython_oidc_client import _held; len(_held)")
    authenticate(kernel)
    kernel.run("kept = token")
    for _ in range(3):
        authenticate(kernel)  # the same cell again, with the same configuration and another dictionary
    assert int(kernel.run("len(_held)")) <= int(held) + 2
    kernel.token("shown", "last")
    kernel.run("import time\nwhile not token: time.sleep(0.001)")
    first = kernel.run("next(one.w._link_id for one in _held if one.token is kept)")
    kernel.adopt("first", eval(first))  # noqa: S307  # what this very test printed
    kernel.token("first", "first")
    assert kernel.run("while not kept: time.sleep(0.001)\nkept, token") == (
        "({'access_token': 'first'}, {'access_token': 'last'})"
    )
