"""Recall of citations."""

from __future__ import annotations

from collections.abc import Sequence

from ragent_evals.metrics.grounding.citations import is_supported
from ragent_evals.metrics.grounding.statements import Statement, open_grounding
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_citation_recall(_: MetricContext) -> Metric:
    """The share of the answer's sentences that the quotes which they cite bear out, taken together.

    Source: ALCE (Gao et al. 2023, arXiv:2305.14627), judged by words instead of a model: see `statements`.
    """
    return open_grounding("citation_recall", _recall)


def _recall(case: Case, _: Outcome, made: Sequence[Statement]) -> float:
    return sum(is_supported(each, case) for each in made) / len(made)
