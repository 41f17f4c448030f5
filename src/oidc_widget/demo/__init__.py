"""The demo: a local OpenID provider, a protected API and JupyterLab, on loopback only.

======================== ==========================================================================
``people``               who can sign in
``client``               the one client, and which addresses it may be sent back to
``records``              codes, tokens, device sign-ins, and the approval that each came of
``store``                all of them and the consents, in memory
``realm``                issuer, keys, resources and store: what every part works with
``grants``, ``tokens``   Authlib's grants, tightened, and what is in the tokens
``authorization_server`` Authlib's server with all of these
``endpoints``            what programs call: discovery, keys, token, revocation, userinfo, device codes
``browser_session``      who is signed in in this browser
``pages``, ``authorize`` what people see: sign-in, consent, device code, sign-out
``provider``             the provider as one Flask application
``api``                  the protected demo API
``loopback``             serving a WSGI application on a free loopback port
``jupyter``              JupyterLab as a subprocess
``command``              ``oidc-widget demo``
``under_jupyter``        the same below a Jupyter server's address, where loopback is out of a browser's reach
======================== ==========================================================================

It is for trying things out: whoever can reach this machine's loopback interface can sign in as anybody.
"""

from __future__ import annotations

from importlib.util import find_spec

from oidc_widget.errors import MissingExtra

#: What the extra ``demo`` brings (import names, which here are also the distributions' names).
_NEEDED = ("authlib", "flask", "httpx2", "joserfc", "jupyterlab", "requests")


def require_extra() -> None:
    """See to it that the packages of the ``demo`` extra are there, before any is imported.

    Raises
    ------
    MissingExtra
        When one is not installed.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"The demo needs packages that are not installed: {', '.join(missing)}.",
            hint='Install them with: pip install "oidc-widget[demo]"',
        )
