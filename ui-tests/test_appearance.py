"""The look: one quiet line of the same height in every state, legible in both themes, and where it is narrow.

Pictures of each state are in `test-results/screenshots/` after a run.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from login_form import LoginForm
from signing_in import login_cell, open_popup, sign_in_at

pytestmark = pytest.mark.own_page

#: The lowest contrast of a text in the element with what is behind it (WCAG 2.2 §1.4.3), with the text.
LOWEST_CONTRAST = """(region) => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((value) => value / 255);
  };
  const over = (above, below) => [0, 1, 2].map((i) => above[i] * above[3] + below[i] * (1 - above[3]));
  const behind = (node) => {
    if (!node) return [1, 1, 1];
    const colour = rgba(getComputedStyle(node).backgroundColor);
    return colour[3] === 1 ? colour.slice(0, 3) : over(colour, behind(node.parentElement));
  };
  const luminance = (colour) => colour
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const texts = document.createTreeWalker(region, NodeFilter.SHOW_TEXT);
  let lowest = [21, ''];
  for (let text; (text = texts.nextNode()); ) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility()) continue;
    const background = behind(node);
    const [one, other] = [over(rgba(getComputedStyle(node).color), background), background].map(luminance);
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < lowest[0]) lowest = [contrast, text.data];
  }
  return lowest;
}"""

#: Texts and buttons that stick out of the line, or that are cut.
CUT = """(region) => [...region.querySelectorAll('[role=status], [role=alert], button, a')]
  .filter((node) => node.checkVisibility() && node.textContent)
  .filter((node) => node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== 'inline')
  .map((node) => node.textContent)"""


class Camera:
    """Takes a picture of each state, and looks whether it is as it should be."""

    def __init__(self, nb, folder: Path, theme: str) -> None:
        self.nb = nb
        self.heights: dict[str, float] = {}
        self._folder = folder
        self._theme = theme

    def take(self, state: str, *, lines: bool = False) -> None:
        """`lines`: it may take more than one, as an error does."""
        region = self.nb.region
        self.nb.page.mouse.move(0, 0)
        self.nb.cell(0).screenshot(path=self._folder / f"{self._theme}-{state}.png", animations="disabled")
        contrast, text = region.evaluate(LOWEST_CONTRAST)
        assert contrast >= 4.5, f"{state}: {text!r} has a contrast of {contrast:.1f}"
        assert region.evaluate(CUT) == [], state
        self._take_narrow(state)
        if not lines:
            box = region.bounding_box()
            assert box
            self.heights[state] = box["height"]

    def _take_narrow(self, state: str) -> None:
        """Nothing may be cut off, or stick out, where an output is 160 px wide."""
        output = self.nb.region.locator("xpath=..")
        output.evaluate("(output) => { output.style.width = '160px'; }")
        assert self.nb.region.evaluate(CUT) == [], f"{state}, narrow"
        assert self.nb.region.evaluate("(region) => region.scrollWidth <= region.clientWidth"), state
        output.screenshot(path=self._folder / f"{self._theme}-{state}-narrow.png", animations="disabled")
        output.evaluate("(output) => { output.style.width = ''; }")


@pytest.fixture
def camera(lab, provider, output_path):
    folder = Path(output_path).parent / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)

    def set_up(theme: str) -> Camera:
        lab.server.set_settings(
            "@jupyterlab/apputils-extension:themes", {"theme": f"JupyterLab {theme.capitalize()}"}
        )
        nb = lab.notebook([login_cell(provider, label="Example")])
        nb.run(0)
        expect(nb.region.get_by_role("button", name=sign_in_at(provider))).to_be_visible()
        return Camera(nb, folder, theme)

    return set_up


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_state_is_one_legible_line_of_the_same_height(camera, lab, provider, theme):
    pictures = camera(theme)
    nb = pictures.nb
    button = nb.region.get_by_role("button", name=sign_in_at(provider))
    pictures.take("1-before")
    button.focus()
    lab.page.keyboard.press("Shift+Tab")  # focus is shown to those who use the keyboard
    lab.page.keyboard.press("Tab")
    expect(button).to_be_focused()
    expect(button).to_have_css("outline-width", "2px")
    expect(button).to_have_css("outline-offset", "1px")
    pictures.take("2-focus")
    popup = open_popup(nb)
    popup.get_by_label("Login").wait_for()
    pictures.take("3-during")
    LoginForm(popup).cancel()
    expect(nb.region.get_by_role("alert")).not_to_be_empty()
    pictures.take("4-error", lines=True)
    nb.region.get_by_role("button", name="Details").click()
    pictures.take("5-error-details", lines=True)
    provider.configure(consent="skip")
    LoginForm(open_popup(nb, button="Try again")).sign_in("alice")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    pictures.take("6-after")
    nb.region.get_by_role("button", name="Sign out", exact=True).click()
    button.wait_for()
    pictures.take("7-signed-out")
    lab.page.evaluate("window.open = () => null")  # what a blocker does
    button.click()
    link = nb.region.get_by_role("link", name="Open sign-in page")
    link.hover()
    expect(link).to_have_css("text-decoration-line", "underline")
    pictures.take("8-blocked")
    assert len(set(pictures.heights.values())) == 1, pictures.heights
