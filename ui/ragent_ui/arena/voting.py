"""Two answers side by side, the vote between them, and where votes have put whom."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from ragent.errors import EvalError
from ragent_ui.evals.plots import ratings_plot
from ragent_ui.markup import escaped, written
from ragent_ui.words import t

if TYPE_CHECKING:
    from ragent_evals.judging.arena import Arena, Pair
    from ragent_evals.judging.pairwise import Winner
    from ragent_evals.judging.rating import Standing

_BUTTONS: tuple[tuple[Winner, str, str], ...] = (
    ("left", "a", ":material/arrow_back:"),
    ("tie", "t", ":material/drag_handle:"),
    ("right", "b", ":material/arrow_forward:"),
)


def show_pair(arena: Arena, pair: Pair, voter: str) -> None:
    """The answers, without whose they are; a vote is kept at once."""
    st.html(f'<p class="rg-question"><b>{escaped(pair.question)}</b></p>')
    left, right = st.columns(2)
    for place, name, answer in (
        (left, "arena.left_answer", pair.left_answer),
        (right, "arena.right_answer", pair.right_answer),
    ):
        with place, st.container(border=True, height="stretch"):
            st.caption(t(name))
            st.html(f'<div class="rg-answer">{written(answer, {})}</div>')
    with st.container(horizontal=True, horizontal_alignment="center", key="arena_votes"):
        for winner, key, icon in _BUTTONS:
            st.button(
                t(f"arena.{winner}"),
                key=f"vote-{winner}",
                icon=icon,
                shortcut=key,
                on_click=_vote,
                args=(arena, pair, winner, voter),
            )


def _vote(arena: Arena, pair: Pair, winner: Winner, voter: str) -> None:
    # Another tab of the same person may have been faster.
    with suppress(EvalError):
        arena.vote(pair, winner, voter)


def show_standings(people: list[Standing], judges: list[Standing]) -> None:
    """Ratings with their intervals, by the votes of people and of models."""
    st.subheader(t("arena.standings"), anchor=False)
    if not people and not judges:
        st.caption(t("arena.nobody"))
        return
    for who, standings in (("people", people), ("judges", judges)):
        if standings:
            st.caption(t(f"arena.{who}"))
            st.altair_chart(ratings_plot(standings), alt=t("arena.standings"))
            _show_table(standings)
    st.caption(t("arena.scale"))


def _show_table(standings: list[Standing]) -> None:
    st.dataframe(
        [
            {
                t("arena.name"): one.name,
                t("arena.rating"): round(one.rating),
                t("evals.low"): round(one.low),
                t("evals.high"): round(one.high),
                t("arena.won"): one.wins,
                t("arena.tied"): one.ties,
                t("arena.lost"): one.losses,
            }
            for one in standings
        ],
        hide_index=True,
    )
