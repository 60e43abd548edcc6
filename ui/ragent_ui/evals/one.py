"""One run of an eval set: its figures, and its cases from the worst on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from ragent.service import Session
from ragent.service.quality import EvalRun
from ragent_evals.running.kept import KeptRun
from ragent_ui.evals.plots import figures_plot
from ragent_ui.markup import plain
from ragent_ui.words import t

_MOST_CASES = 200


def show_run(session: Session, run: EvalRun) -> None:
    """Draw it."""
    from ragent_evals.comparing.costs import COST_METRICS
    from ragent_evals.running.reading import read_kept

    kept = read_kept(session.service.store, run.id)
    quality = {name: figure for name, figure in kept.metrics.items() if name not in COST_METRICS}
    about = {"title": plain(run.title), "collection": plain(run.collection)}
    st.caption(t("evals.about", cases=run.cases, seconds=run.seconds, **about))
    if quality:
        st.subheader(t("evals.figures"), anchor=False)
        st.altair_chart(figures_plot(quality), alt=t("evals.figures"))
    st.dataframe(
        [
            {
                t("evals.metric"): name,
                t("evals.value"): round(figure.value, 4),
                t("evals.low"): round(figure.low, 4),
                t("evals.high"): round(figure.high, 4),
            }
            for name, figure in kept.metrics.items()
        ],
        hide_index=True,
    )
    save_report(session, [kept])
    _show_cases(kept, next(iter(quality), ""))


def save_report(session: Session, runs: Sequence[KeptRun]) -> None:
    """The button for one page with all of it, which is written when it is asked for."""

    def write() -> bytes:
        from ragent_evals.comparing import shared_set_metrics
        from ragent_evals.metrics.metric import MetricContext
        from ragent_evals.reporting import Wanted
        from ragent_evals.reporting import write as write_report

        root = session.service.root
        figures = MetricContext({}, lambda: root.embedder, lambda: root.llm)
        with TemporaryDirectory() as folder:
            wanted = Wanted("", 20, shared_set_metrics(runs, figures))
            return write_report(runs, Path(folder), wanted).html.read_bytes()

    st.download_button(
        t("evals.report"),
        data=write,
        file_name=f"report-{runs[0].id[:8]}.html",
        mime="application/octet-stream",
        icon=":material/download:",
        on_click="ignore",
    )


def _show_cases(kept: KeptRun, metric: str) -> None:
    values = kept.values.get(metric, (None,) * len(kept.cases))
    sign = -1.0 if metric in kept.lower_is_better else 1.0
    places = sorted(range(len(kept.cases)), key=lambda at: sign * _or_best(values[at], sign))
    with st.expander(t("evals.all_cases", metric=metric), icon=":material/list:"):
        if len(places) > _MOST_CASES:
            st.caption(t("evals.most_cases", most=_MOST_CASES, count=len(places)))
        st.dataframe(
            [
                {
                    t("evals.question"): kept.cases[at].question,
                    t("evals.answer"): _said(kept, at),
                    metric or t("evals.value"): values[at],
                }
                for at in places[:_MOST_CASES]
            ],
            hide_index=True,
        )


def _said(kept: KeptRun, at: int) -> str:
    outcome = kept.outcomes[at]
    return outcome.error or (t("evals.abstained") if outcome.abstained else outcome.text)


def _or_best(value: float | None, sign: float) -> float:
    return sign * float("inf") if value is None else value
