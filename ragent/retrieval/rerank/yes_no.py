"""Pointwise judgement: the probability that the model says yes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ragent.protocols import Scoring
from ragent.retrieval.context import SearchContext
from ragent.retrieval.rerank.judging import judge, need_scoring
from ragent.retrieval.rerank.ordering import by_score
from ragent.types import Hit, Message


class YesNo:
    """Ranks by p(yes) against p(no), asked whether the passage answers the query.

    Nogueira et al. 2020 (arXiv:2003.06713) ranked so with a fine-tuned model. Without fine-tuning it takes a
    model of billions of weights; a small one's answers are noise.
    """

    def __init__(self, model: Scoring, *, depth: int) -> None:
        """`depth`: how many of the best hits are read."""
        self._model = model
        self._depth = depth

    def rerank(self, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """All of `hits`, best first; the score of those read is p(yes) / (p(yes) + p(no))."""
        *_, best = self.steps(query, hits)
        return best

    def steps(self, query: str, hits: Sequence[Hit]) -> Iterator[tuple[Hit, ...]]:
        """The order after each passage read."""

        def prompt(passage: str) -> Message:
            asked = "Does the passage answer the query? Say only yes or no."
            return Message("user", f"Passage: {passage}\n\nQuery: {query}\n\n{asked}")

        scores: list[float] = []
        yield by_score(hits, scores)
        for yes, no in judge(self._model, hits[: self._depth], prompt, ["Yes", "No"]):
            scores.append(1 / (1 + math.exp(min(no - yes, 700.0))))
            yield by_score(hits, scores)


def open_yes_no(context: SearchContext) -> YesNo:
    """By the language model of `[llm]`. Raises ConfigError if that can't score."""
    return YesNo(need_scoring(context.open_llm()), depth=context.rerank.llm_depth)
