"""Faithfulness to what was found."""

from __future__ import annotations

from collections.abc import Sequence

from ragent.chunking import split_sentences
from ragent_evals.metrics.grounding.statements import Statement, bears_out, open_grounding
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_faithfulness(_: MetricContext) -> Metric:
    """The share of the answer's sentences that the passages found bear out, quoted or not.

    Source: Es et al. 2023 (arXiv:2309.15217), judged by words instead of a model: see `statements`. One
    sentence of a passage must bear it out, or two that follow one another.
    """
    return open_grounding("faithfulness", _faithful)


def _faithful(case: Case, outcome: Outcome, made: Sequence[Statement]) -> float:
    grounds = [text for found in outcome.found for text in _pairs(found.text)]
    borne_out = [any(bears_out([text], each.text, case.question) for text in grounds) for each in made]
    return sum(borne_out) / len(made)


def _pairs(text: str) -> list[str]:
    """Each two sentences that follow one another; the only one of a text that has no more."""
    spans = split_sentences(text)
    return [text[first[0] : second[1]] for first, second in zip(spans, spans[1:] or spans, strict=False)]
