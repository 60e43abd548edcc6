"""The prompt that an answer is written by: which one, in which version, and what it says."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ragent.prompts import load_prompt
from ragent.prompts.library import prompt_names, prompt_versions
from ragent.service import Session
from ragent_ui.markup import plain
from ragent_ui.settings.choices import change, current, key_of
from ragent_ui.words import t

_ANSWERING = "answer"


def show_prompt(session: Session) -> None:
    """Draw it. The templates for other work, those of agents say, aren't among the choices."""
    folder = session.service.home / "prompts"
    names = _choices(folder)
    now = current(session, "ask", "prompt")
    names = names if now in names else [now, *names]
    chosen = st.selectbox(
        t("settings.prompt"), names, names.index(now), help=t("settings.prompt_what"), key=key_of("prompt")
    )
    change("ask", "prompt", chosen, session.service.settings.ask.prompt)
    template = load_prompt(chosen, folder)
    with st.expander(t("settings.prompt_text"), icon=":material/article:"):
        st.caption(plain(f"{template.name}@{template.version}. {template.description}"))
        st.code(template.body.strip(), language=None, wrap_lines=True)


def _choices(folder: Path) -> list[str]:
    """The newest version of each by its name alone, the others as `name@version`."""
    choices = []
    for name in prompt_names(folder):
        versions = prompt_versions(name, folder)
        if name == _ANSWERING or (versions and versions[0].is_own):
            older = sorted({one.version for one in versions[1:]} - {versions[0].version}, reverse=True)
            choices += [name, *(f"{name}@{version}" for version in older)]
    return choices
