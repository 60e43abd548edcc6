"""Statements that a quote bears out."""

from __future__ import annotations

from collections.abc import Sequence

from ragent_evals.metrics.grounding.statements import Statement, bears_out, open_grounding
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_statement_support(_: MetricContext) -> Metric:
    """The share of the answer's sentences that some quote of the answer bears out, whichever it names.

    Source: attribution to identified sources (Rashkin et al. 2023, arXiv:2112.12870), judged by words: see
    `statements`.
    """
    return open_grounding("statement_support", _supported)


def _supported(case: Case, outcome: Outcome, made: Sequence[Statement]) -> float:
    borne_out = [
        any(bears_out([quote.quote], each.text, case.question) for quote in outcome.quotes) for each in made
    ]
    return sum(borne_out) / len(made)
