"""Precision of citations."""

from __future__ import annotations

from collections.abc import Sequence

from ragent_evals.metrics.grounding.citations import right_citations
from ragent_evals.metrics.grounding.statements import Statement, open_grounding
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_citation_precision(_: MetricContext) -> Metric:
    """The share of citations that are needed to bear out their sentence, or lie where the answer stands.

    Source: ALCE (Gao et al. 2023, arXiv:2305.14627), judged by words instead of a model: see `statements`;
    besides, one that lies in a passage of the case, or holds one, is right. An answer that cites nothing
    has 0.
    """
    return open_grounding("citation_precision", _precision)


def _precision(case: Case, _: Outcome, made: Sequence[Statement]) -> float:
    cited = sum(len(each.cited) for each in made)
    return sum(right_citations(each, case) for each in made) / cited if cited else 0.0
