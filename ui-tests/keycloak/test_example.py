"""The example application, with Keycloak.

Pictures of it, in both themes, are in `test-results/screenshots/` after a run.
"""

from __future__ import annotations

from pathlib import Path

from login_form import KeycloakForm
from signing_in import sign_in
from test_examples import look, open_application

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def test_the_application_shows_what_keycloak_gives(lab, keycloak, output_path):
    nb = open_application(lab, keycloak)
    nb.panel.get_by_role("button", name="offline_access", exact=True).click()
    sign_in(nb, form=KeycloakForm)
    look(nb, "Tokens", '"access_token": "eyJ', '"id_token": "eyJ')
    look(nb, "Verify", '"alg": "RS256"', keycloak.issuer)
    look(nb, "Userinfo", '"email": "alice@example.com"')
    folder = Path(output_path).parent / "screenshots"
    for name, theme in THEMES.items():
        lab.command("apputils:change-theme", theme=theme)
        nb.page.mouse.move(0, 0)
        nb.panel.screenshot(path=folder / f"application-keycloak-{name}.png", animations="disabled")
