"""Two runs of an eval set beside each other."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from ragent.service import Session
from ragent.service.quality import EvalRun
from ragent_evals.comparing import Changed, Comparison
from ragent_evals.running.kept import KeptRun
from ragent_ui.evals.one import save_report
from ragent_ui.evals.plots import differences_plot
from ragent_ui.markup import plain
from ragent_ui.words import t

_KEPT = "comparison"
_MOST_CASES = 200


def show_comparison(session: Session, before: EvalRun, after: EvalRun) -> None:
    """Draw it: what is better in `after` than in `before`, and what is worse."""
    from ragent_evals.running.reading import read_kept

    runs = [read_kept(session.service.store, run.id) for run in (before, after)]
    found = _compared(session, runs[0], runs[1])
    st.subheader(t("evals.differences"), anchor=False)
    st.caption(t("evals.beside", b=plain(found.b), a=plain(found.a), cases=found.cases))
    if found.metrics:
        st.altair_chart(differences_plot(found.metrics), alt=t("evals.differences"))
    _show_differences(found)
    save_report(session, runs)
    _show_settings(found)
    _show_changed(found.changed)


def _compared(session: Session, before: KeptRun, after: KeptRun) -> Comparison:
    """Thousands of resamples: done once for as long as this tab looks at these two."""
    from ragent_evals.comparing import compare, shared_set_metrics
    from ragent_evals.metrics.metric import MetricContext

    wanted = (before.id, after.id)
    held = st.session_state.get(_KEPT)
    if held is None or held[0] != wanted:
        root = session.service.root
        figures = MetricContext({}, lambda: root.embedder, lambda: root.llm)
        with st.spinner(t("evals.differences")):
            made = compare(before, after, shared_set_metrics([before, after], figures))
        held = st.session_state[_KEPT] = (wanted, made)
    found: Comparison = held[1]
    return found


def _show_differences(found: Comparison) -> None:
    st.dataframe(
        [
            {
                t("evals.metric"): one.metric,
                t("evals.verdict"): t(f"evals.{one.verdict}"),
                t("evals.before"): round(one.before, 4),
                t("evals.after"): round(one.after, 4),
                t("evals.difference"): round(one.difference, 4),
                t("evals.low"): round(one.low, 4),
                t("evals.high"): round(one.high, 4),
                t("evals.p"): round(one.corrected_p, 4),
                t("evals.won"): one.won,
                t("evals.lost"): one.lost,
            }
            for one in found.metrics
        ],
        hide_index=True,
    )


def _show_settings(found: Comparison) -> None:
    st.subheader(t("evals.settings"), anchor=False)
    if not found.configuration:
        st.caption(t("evals.same_settings"))
        return
    st.dataframe(
        [
            {t("evals.setting"): name, t("evals.before"): str(a), t("evals.after"): str(b)}
            for name, (a, b) in found.configuration.items()
        ],
        hide_index=True,
    )


def _show_changed(changed: tuple[Changed, ...]) -> None:
    st.subheader(t("evals.changed", count=len({one.case_id for one in changed})), anchor=False)
    for metric, group in groupby(changed, lambda one: one.metric):
        with st.expander(plain(metric)):
            st.dataframe(
                [
                    {
                        t("evals.question"): one.question,
                        t("evals.before"): one.before,
                        t("evals.after"): one.after,
                        t("evals.difference"): round(one.after - one.before, 4),
                    }
                    for one in list(group)[:_MOST_CASES]
                ],
                hide_index=True,
            )
