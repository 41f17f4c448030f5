"""The README's moving pictures, which `make pictures` takes."""

from __future__ import annotations

import re

import pytest
from PIL import Image
from tests.docs.blocks import ROOT

PICTURES = ROOT / "docs/_static"
THEMES = ("light", "dark")


@pytest.mark.parametrize("theme", THEMES)
def test_each_moves_and_is_small_enough_for_a_page(theme):
    path = PICTURES / f"sign-in-{theme}.webp"
    with Image.open(path) as picture:
        assert picture.n_frames > 5
    assert path.stat().st_size < 600_000


def test_they_show_the_same_in_both_themes():
    light, dark = (Image.open(PICTURES / f"sign-in-{theme}.webp") for theme in THEMES)
    with light, dark:
        assert (light.size, light.n_frames) == (dark.size, dark.n_frames)
        middles = [picture.convert("L").getpixel((picture.width // 2, 10)) for picture in (light, dark)]
    assert middles[0] > 200
    assert middles[1] < 100


def test_the_readme_shows_the_one_of_the_readers_theme():
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = re.findall(r'(?:media="\(prefers-color-scheme: (\w+)\)" srcset|<img src)="([^"]+)"', readme)
    assert shown == [("dark", "docs/_static/sign-in-dark.webp"), ("", "docs/_static/sign-in-light.webp")]
    assert re.search(r'<img [^>]*alt="[^"]{80,}"', readme)
