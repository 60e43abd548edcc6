"""The arena: two answers side by side, votes by buttons and keys, and who stands where."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from ragent.errors import EvalError
from ragent.service import Session
from ragent.service.quality import EvalRun
from ragent_ui.evals.plots import ratings_plot
from ragent_ui.markup import escaped, written
from ragent_ui.quality import quality_page
from ragent_ui.surroundings import require_session
from ragent_ui.words import t

if TYPE_CHECKING:
    from ragent_evals.judging.arena import Arena, Pair
    from ragent_evals.judging.pairwise import Winner

_SOMEBODY = "somebody"
_BUTTONS: tuple[tuple[Winner, str, str], ...] = (
    ("left", "a", ":material/arrow_back:"),
    ("tie", "t", ":material/drag_handle:"),
    ("right", "b", ":material/arrow_forward:"),
)


def show() -> None:
    """Draw it."""
    session = require_session()
    with quality_page("arena"):
        arena = _chosen(session)
        if arena is None:
            st.info(t("arena.none"), icon=":material/balance:")
            return
        _show_vote(arena, session.caller.name or _SOMEBODY)
        _show_standings(arena)


def _chosen(session: Session) -> Arena | None:
    """The arena of two runs of the same cases; None where there are no two."""
    from ragent_evals.judging.answered import answers_of
    from ragent_evals.judging.arena import arena_of

    runs = [run for run in session.quality.eval_runs() if run.is_finished]
    first_ones = [run for run in runs if _others(run, runs)]
    if not first_ones:
        return None
    left, right = st.columns(2)
    with left:
        first = st.selectbox(t("arena.first"), first_ones, format_func=_title)
    with right:
        second = st.selectbox(
            t("arena.second"), _others(first, runs), format_func=_title, key=f"second-{first.id}"
        )
    return arena_of(
        session.service.store, [answers_of(session.service.store, run.id) for run in (first, second)]
    )


def _others(run: EvalRun, runs: list[EvalRun]) -> list[EvalRun]:
    return [one for one in runs if one.id != run.id and one.of == run.of]


def _title(run: EvalRun) -> str:
    return f"{run.title}, {run.set_name}"


def _show_vote(arena: Arena, voter: str) -> None:
    pair = arena.next_pair(voter)
    if pair is None:
        st.success(t("arena.over") if arena.pairs else t("arena.nothing"), icon=":material/check:")
        return
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


def _show_standings(arena: Arena) -> None:
    st.subheader(t("arena.standings"), anchor=False)
    if arena.same:
        st.caption(t("arena.same", same=arena.same))
    found = [("people", arena.standings(is_human=True)), ("judges", arena.standings(is_human=False))]
    if not any(standings for _, standings in found):
        st.caption(t("arena.nobody"))
        return
    for who, standings in found:
        if not standings:
            continue
        st.caption(t(f"arena.{who}"))
        st.altair_chart(ratings_plot(standings), alt=t("arena.standings"))
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
    st.caption(t("arena.scale"))
