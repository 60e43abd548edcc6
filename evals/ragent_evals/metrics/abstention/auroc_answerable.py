"""Area under the ROC curve of support."""

from __future__ import annotations

from scipy.stats import rankdata

from ragent_evals.metrics.abstention.certainty import answerable
from ragent_evals.metrics.answers.expecting import KINDS
from ragent_evals.metrics.measuring import PerSet, Rows
from ragent_evals.metrics.metric import MetricContext, SetMetric


def open_auroc_answerable(_: MetricContext) -> SetMetric:
    """How often a question with an answer has more support than one without; a tie is half.

    Source: Hanley and McNeil 1982, the area under the ROC curve as the statistic of Mann and Whitney. An
    error counts as the worst support there is. Cases without support are left out.
    """
    return PerSet("auroc_answerable", KINDS, answerable, auroc)


def auroc(rows: Rows) -> float | None:
    """The area of rows of (1 or 0, score); None without both."""
    able = rows[:, 0] == 1
    positive, negative = int(able.sum()), int((~able).sum())
    if not positive or not negative:
        return None
    wins = rankdata(rows[:, 1])[able].sum() - positive * (positive + 1) / 2
    return float(wins / (positive * negative))
