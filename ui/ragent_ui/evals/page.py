"""The runs of eval sets: one with its figures, or two beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ragent.service import Session
from ragent.service.quality import EvalRun
from ragent_ui.evals.comparing import show_comparison
from ragent_ui.evals.one import show_run
from ragent_ui.quality import quality_page
from ragent_ui.surroundings import require_session
from ragent_ui.words import t


def show() -> None:
    """Draw it."""
    session = require_session()
    with quality_page("evals"):
        runs = session.quality.eval_runs()
        if runs:
            _show_list(runs)
            _show_chosen(session, runs)
        else:
            st.info(t("evals.none"), icon=":material/bar_chart:")


def _show_chosen(session: Session, runs: Sequence[EvalRun]) -> None:
    titles = {run.id: f"{run.title}, {run.set_name}" for run in runs}
    left, right = st.columns(2)
    with left:
        chosen = st.selectbox(t("evals.run"), list(titles), format_func=lambda id_: titles[id_])
    run = next(one for one in runs if one.id == chosen)
    others = [one.id for one in runs if _are_comparable(one, run)]
    with right:
        other = st.selectbox(
            t("evals.compare"),
            ["", *others],
            format_func=lambda id_: titles[id_] if id_ else t("evals.nothing"),
            disabled=not others,
            help=None if others else t("evals.no_other"),
            key=f"other-{run.id}",
        )
    if other:
        show_comparison(session, session.quality.eval_run(other), run)
    else:
        show_run(session, run)


def _are_comparable(one: EvalRun, other: EvalRun) -> bool:
    return one.id != other.id and one.of == other.of and one.is_finished and other.is_finished


def _show_list(runs: Sequence[EvalRun]) -> None:
    lines = [
        {
            t("evals.name"): run.title,
            t("evals.set"): run.set_name,
            t("evals.first_metric"): _first_metric(run),
            t("evals.cases"): run.cases,
            t("evals.begun"): run.created_at,
        }
        for run in runs
    ]
    moment = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")
    st.dataframe(lines, hide_index=True, column_config={t("evals.begun"): moment})


def _first_metric(run: EvalRun) -> str:
    for name, figure in run.metrics.items():
        return f"{name} {figure['value']:.3f}"
    return t("evals.unfinished")
