"""Query likelihood: how probable the question is, given the passage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ragent.protocols import Scoring
from ragent.retrieval.context import SearchContext
from ragent.retrieval.rerank.judging import judge, need_scoring
from ragent.retrieval.rerank.ordering import added, by_score
from ragent.types import Hit, Message


class QueryLikelihood:
    """Adds to each score ln p(question | passage) by a language model, per token of the question.

    Sachan et al. 2022, "Improving Passage Retrieval with Zero-Shot Question Generation" (arXiv:2204.07496).
    It asks the model for nothing but its own probabilities, so it works with models too small to judge.
    """

    def __init__(self, model: Scoring, *, weight: float, depth: int) -> None:
        """See `added` for `weight`; `depth`: how many of the best hits are read."""
        self._model = model
        self._weight = weight
        self._depth = depth

    def rerank(self, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """All of `hits`, best first."""
        *_, best = self.steps(query, hits)
        return best

    def steps(self, query: str, hits: Sequence[Hit]) -> Iterator[tuple[Hit, ...]]:
        """The order after each passage read."""
        scores: list[float] = []
        yield by_score(hits, scores)
        for (likelihood,) in judge(self._model, hits[: self._depth], _prompt, [query]):
            scores.append(likelihood)
            yield by_score(hits, added(hits, scores, self._weight))


def _prompt(passage: str) -> Message:
    return Message("user", f"Passage: {passage}\n\nWrite a question that this passage answers.")


def open_likelihood(context: SearchContext) -> QueryLikelihood:
    """As `[rerank]` says, by the language model of `[llm]`. Raises ConfigError if that can't score."""
    settings = context.rerank
    model = need_scoring(context.open_llm())
    return QueryLikelihood(model, weight=settings.likelihood_weight, depth=settings.llm_depth)
