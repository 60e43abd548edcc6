"""The arena: two answers side by side, votes by buttons and keys, and who stands where."""

from __future__ import annotations

import streamlit as st

from ragent_ui.quality import quality_page
from ragent_ui.surroundings import require_session
from ragent_ui.words import t

_SOMEBODY = "somebody"
_OF = ("of_runs", "of_mine")


def show() -> None:
    """Draw it."""
    session = require_session()
    voter = session.caller.name or _SOMEBODY
    with quality_page("arena"):
        of = st.segmented_control(
            t("arena.of"),
            _OF,
            default=_OF[0],
            required=True,
            format_func=lambda name: t(f"arena.{name}"),
            label_visibility="collapsed",
        )
        if of == "of_mine":
            from ragent_ui.arena.asking import show_asking

            show_asking(session, voter)
        else:
            from ragent_ui.arena.runs import show_runs

            show_runs(session, voter)
