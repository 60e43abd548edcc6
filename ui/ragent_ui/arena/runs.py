"""Votes on the answers of two kept runs over the same cases."""

from __future__ import annotations

import streamlit as st

from ragent.service import Session
from ragent.service.quality import EvalRun
from ragent_ui.arena.voting import show_pair, show_standings
from ragent_ui.words import t


def show_runs(session: Session, voter: str) -> None:
    """Choose the runs, vote, and see the standings."""
    from ragent_evals.judging.answered import answers_of
    from ragent_evals.judging.arena import arena_of

    chosen = _chosen(session)
    if chosen is None:
        st.info(t("arena.none"), icon=":material/balance:")
        return
    arena = arena_of(session.service.store, [answers_of(session.service.store, run.id) for run in chosen])
    pair = arena.next_pair(voter)
    if pair is not None:
        show_pair(arena, pair, voter)
    elif arena.pairs:
        st.success(t("arena.over"), icon=":material/check:")
    else:
        st.info(t("arena.nothing"), icon=":material/balance:")
    if arena.same:
        st.caption(t("arena.same", same=arena.same))
    show_standings(arena.standings(is_human=True), arena.standings(is_human=False))


def _chosen(session: Session) -> tuple[EvalRun, EvalRun] | None:
    """Two runs of the same cases; None where there are no two."""
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
    return first, second


def _others(run: EvalRun, runs: list[EvalRun]) -> list[EvalRun]:
    return [one for one in runs if one.id != run.id and one.of == run.of]


def _title(run: EvalRun) -> str:
    return f"{run.title}, {run.set_name}"
