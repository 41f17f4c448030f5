"""The catalogues for JupyterLab's translator; that each has all texts, `npm run texts` holds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jupyterlab_server.translation_utils import get_language_pack

CATALOGUES = sorted(
    (Path(__file__).parents[1] / "src/oidc_widget/locale").glob("*/LC_MESSAGES/oidc_widget.json")
)


def locale_of(file):
    return file.parts[-3]


@pytest.mark.parametrize("file", CATALOGUES, ids=locale_of)
def test_jupyterlab_finds_the_catalogue_beside_its_own_language_pack(file):
    found, problems = get_language_pack(locale_of(file))
    assert problems == ""
    assert found["oidc_widget"] == json.loads(file.read_text("utf-8"))
    assert "jupyterlab" in found


@pytest.mark.parametrize("file", CATALOGUES, ids=locale_of)
def test_a_translation_names_what_its_text_names(file):
    head, *texts = json.loads(file.read_text("utf-8")).items()
    assert {"domain", "language", "plural_forms"} <= set(head[1])
    assert len(texts) > 100
    for text, [translation] in texts:
        assert translation
        assert set(re.findall(r"%\d", text)) == set(re.findall(r"%\d", translation)), text
