"""What can be otherwise in this tab: a choice goes into `changes()` unless the home has it so anyway."""

from __future__ import annotations

from typing import Any, get_args

import streamlit as st

from ragent import registry
from ragent.config import AskSettings, RetrievalSettings
from ragent.service import Session
from ragent_ui.surroundings import changes
from ragent_ui.words import t

_ROUND = "settings_round"
_MOST_PASSAGES = 20
_HOTTEST = 1.5
_LONGEST = 1024


def show_answering(session: Session) -> None:
    """Draw how an answer is made from what was found."""
    ask, llm = session.service.settings.ask, session.service.settings.llm
    styles = get_args(AskSettings.model_fields["style"].annotation)
    style = st.selectbox(
        t("settings.style"),
        styles,
        styles.index(current(session, "ask", "style")),
        format_func=lambda one: t(f"styles.{one}"),
        key=key_of("style"),
    )
    change("ask", "style", style, ask.style)
    k = st.slider(
        t("settings.k"), 1, max(_MOST_PASSAGES, ask.k), current(session, "ask", "k"), key=key_of("k")
    )
    change("ask", "k", k, ask.k)
    temperature = st.slider(
        t("settings.temperature"),
        0.0,
        max(_HOTTEST, llm.temperature),
        float(current(session, "llm", "temperature")),
        0.1,
        help=t("settings.temperature_what"),
        key=key_of("temperature"),
    )
    change("llm", "temperature", round(temperature, 2), llm.temperature)
    longest = st.slider(
        t("settings.max_tokens"),
        1,
        max(_LONGEST, llm.max_tokens),
        current(session, "llm", "max_tokens"),
        help=t("settings.max_tokens_what"),
        key=key_of("max_tokens"),
    )
    change("llm", "max_tokens", longest, llm.max_tokens)


def show_searching(session: Session) -> None:
    """Draw how passages are found."""
    settings = session.service.settings.retrieval
    modes = get_args(RetrievalSettings.model_fields["mode"].annotation)
    mode = st.selectbox(
        t("settings.mode"),
        modes,
        modes.index(current(session, "retrieval", "mode")),
        format_func=lambda one: t(f"modes.{one}"),
        key=key_of("mode"),
    )
    change("retrieval", "mode", mode, settings.mode)
    for name, group in (("rerank", "ragent.rerankers"), ("technique", "ragent.techniques")):
        chosen = st.multiselect(
            t(f"settings.{name}"),
            registry.names(group),  # type: ignore[arg-type]
            list(current(session, "retrieval", name)),
            placeholder=t("settings.none"),
            help=t(f"settings.{name}_what"),
            key=key_of(name),
        )
        change("retrieval", name, tuple(chosen), getattr(settings, name))


def current(session: Session, section: str, name: str) -> Any:
    """What holds in this tab."""
    default = getattr(getattr(session.service.settings, section), name)
    return changes().get(section, {}).get(name, default)


def change(section: str, name: str, value: Any, default: Any) -> None:
    """Have something otherwise in this tab, or again as the home has it."""
    held = changes().setdefault(section, {})
    if value == default:
        held.pop(name, None)
    else:
        held[name] = value


def reset() -> None:
    """Have everything as the home has it."""
    changes().clear()
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def key_of(name: str) -> str:
    """Of a widget: another one after a reset, for one that is there keeps what was chosen in it."""
    return f"settings-{name}-{st.session_state.get(_ROUND, 0)}"
