"""Exactness of quotes."""

from __future__ import annotations

from ragent_evals.metrics.grounding.statements import KINDS
from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_quote_exactness(_: MetricContext) -> Metric:
    """The share of quotes that stand in their documents word for word, at the characters that they name.

    Source: ragent's own promise. It has no say about answers without quotes.
    """
    return PerCase("quote_exactness", KINDS, _exact)


def _exact(_: Case, outcome: Outcome) -> float | None:
    quotes = outcome.quotes
    return sum(quote.is_verbatim for quote in quotes) / len(quotes) if quotes else None
