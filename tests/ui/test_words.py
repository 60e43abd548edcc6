"""The texts of the pages."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

import ragent_ui
from ragent_ui.words import t

SOURCES = [path.read_text("utf-8") for path in Path(ragent_ui.__file__).parent.rglob("*.py")]
TEXTS = tomllib.loads((files("ragent_ui") / "words" / "en.toml").read_text("utf-8"))
NAMES = {f"{section}.{name}" for section, texts in TEXTS.items() for name in texts}


def test_every_text_that_a_page_asks_for_is_there() -> None:
    asked = {name for source in SOURCES for name in re.findall(r'\bt\(\s*"([a-z_]+\.[a-z_0-9]+)"', source)}
    assert asked
    assert asked <= NAMES


def test_values_are_filled_in_and_unknown_names_refused() -> None:
    assert t("source.page_of", page=3, pages=7) == "Page 3 of 7"
    with pytest.raises(KeyError):
        t("source.nothing")
