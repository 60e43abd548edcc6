"""Every text that a user reads, by name: `t("chat.ask")` looks into `words/en.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

_FALLBACK = "en"


def t(name: str, /, **values: object) -> str:
    """A text by its section and name, with `{values}` filled in. Raises KeyError for one that isn't there."""
    text = _texts(_language()).get(name) or _texts(_FALLBACK)[name]
    return text.format_map(values) if values else text


def _language() -> str:
    import streamlit as st

    wanted = (st.context.locale or _FALLBACK).partition("-")[0].lower()
    return wanted if wanted.isalpha() and _texts(wanted) else _FALLBACK


@cache
def _texts(language: str) -> dict[str, str]:
    """All texts of a language as `section.name`; none where nobody has translated them."""
    file = files("ragent_ui") / "words" / f"{language}.toml"
    if not file.is_file():
        return {}
    sections: dict[str, dict[str, Any]] = tomllib.loads(file.read_text("utf-8"))
    return {f"{section}.{name}": text for section, texts in sections.items() for name, text in texts.items()}
