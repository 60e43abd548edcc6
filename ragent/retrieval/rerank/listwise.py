"""Listwise judgement: the model names the passages from best to worst, and can say nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_uppercase

from ragent.protocols import Scoring
from ragent.retrieval.context import SearchContext
from ragent.retrieval.rerank.judging import need_scoring
from ragent.retrieval.rerank.ordering import by_score
from ragent.retrieval.rerank.passages import windows
from ragent.types import Hit, Message

_AT_ONCE = 5
_OVERLAP = 2
_NEXT = " >"


class Listwise:
    """Lets the model sort a few passages at a time, from the end of the list to its beginning.

    Sun et al. 2023, RankGPT (arXiv:2304.09542): groups slide towards the top and overlap, so that a good
    passage may climb from any place. At each step only the markers still left are allowed, so the answer is
    a permutation by construction. A long passage takes part as several, and ends where its best one does.
    The scores so far are dealt out anew, in the new order.
    """

    def __init__(self, model: Scoring, *, depth: int) -> None:
        """`depth`: how many of the best hits are read."""
        self._model = model
        self._depth = depth

    def rerank(self, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """All of `hits`, best first."""
        *_, best = self.steps(query, hits)
        return best

    def steps(self, query: str, hits: Sequence[Hit]) -> Iterator[tuple[Hit, ...]]:
        """The order after each group."""
        limit = self._room(query) // _AT_ONCE
        texts = [
            (place, text)
            for place, hit in enumerate(hits[: self._depth])
            for text in windows(hit, self._model, limit)
        ]
        yield _in_order(hits, texts)
        end = len(texts)
        while end > 1:
            start = max(0, end - _AT_ONCE)
            group = texts[start:end]
            texts[start:end] = [group[i] for i in self._permutation(query, [text for _, text in group])]
            yield _in_order(hits, texts)
            end = start + _OVERLAP if start else 0

    def _permutation(self, query: str, texts: Sequence[str]) -> list[int]:
        """The places of the texts, from best to worst, as the model says them."""
        message = _prompt(query, texts)
        left = list(range(len(texts)))
        said: list[int] = []
        while len(left) > 1:
            begun = "".join(f" {ascii_uppercase[place]}{_NEXT}" for place in said).lstrip()
            markers = [f"{' ' if said else ''}{ascii_uppercase[place]}" for place in left]
            likely = self._model.log_likelihoods([message], markers, begun)
            said.append(left.pop(likely.index(max(likely))))
        return said + left

    def _room(self, query: str) -> int:
        frame = self._model.count_prompt([_prompt(query, [""] * _AT_ONCE)])
        answer = _AT_ONCE * max(self._model.count([f" {ascii_uppercase[_AT_ONCE - 1]}{_NEXT}"]))
        room = self._model.scoring_tokens - frame - answer
        # Joined to the prompt a passage may come out a little longer than alone.
        return room - room // 16


def _in_order(hits: Sequence[Hit], texts: Sequence[tuple[int, str]]) -> tuple[Hit, ...]:
    read = list(dict.fromkeys(place for place, _ in texts))
    order = [hits[place] for place in read] + list(hits[len(read) :])
    return by_score(order, sorted((hit.score for hit in hits), reverse=True))


def _prompt(query: str, texts: Sequence[str]) -> Message:
    listed = "\n\n".join(f"[{ascii_uppercase[place]}] {text}" for place, text in enumerate(texts))
    asked = "Name the passages from the most to the least relevant to the query, as in B > A > C."
    return Message("user", f"{listed}\n\nQuery: {query}\n\n{asked}")


def open_listwise(context: SearchContext) -> Listwise:
    """By the language model of `[llm]`. Raises ConfigError if that can't score."""
    return Listwise(need_scoring(context.open_llm()), depth=context.rerank.llm_depth)
