"""Whether what is typed is a question to the documents, or a task for an agent."""

from __future__ import annotations

from importlib.resources import files

import streamlit as st

from ragent.service import Session
from ragent_ui.markup import plain
from ragent_ui.words import t

_ON = "agent_mode"
_SWITCH = "agent_switch"


def is_on() -> bool:
    """Whether an agent gets it, in this tab."""
    return bool(st.session_state.get(_ON))


def show_mode(session: Session, collection: str) -> None:
    """The switch above the field that is typed into, and which tools the agent has."""
    st.html(f"<style>{(files('ragent_ui.agent') / 'style.css').read_text('utf-8')}</style>")
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", key="agent_mode"):
        st.toggle(t("agent.mode"), value=is_on(), key=_SWITCH, on_change=_switch, help=t("agent.what"))
        if is_on():
            names = session.agents.tools(collection)
            st.caption(
                t("agent.tools", tools=plain(", ".join(names))) if names else t("agent.no_tools"),
                width="stretch",
            )


def _switch() -> None:
    # What a switch says is forgotten while another page is shown.
    st.session_state[_ON] = st.session_state[_SWITCH]
