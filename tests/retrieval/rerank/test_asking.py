"""Rerankers that ask a language model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from ragent import registry
from ragent.config import RerankSettings
from ragent.errors import ConfigError, RerankError
from ragent.retrieval.rerank.likelihood import QueryLikelihood
from ragent.retrieval.rerank.listwise import Listwise
from ragent.retrieval.rerank.yes_no import YesNo
from ragent.types import Message
from tests.making import WordTokenizer
from tests.retrieval.rerank.making import check_order, context, make_hits

if TYPE_CHECKING:
    from ragent.llm.llamacpp import LlamaCpp

TEXTS = [
    "The tax office sends letters in spring.",
    "Cats sleep on the warm roof all day.",
    "The ferry to the island costs four euros.",
]


@dataclass
class Judge(WordTokenizer):
    """A model that likes what the longest run of `x` in a prompt's passage says: real rules, no weights."""

    name: str = "judge"
    scoring_tokens: int = 120
    prompts: list[str] = field(default_factory=list)

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return sum(self.count([message.content for message in messages]))

    def log_likelihoods(
        self, messages: Sequence[Message], continuations: Sequence[str], begun: str = ""
    ) -> list[float]:
        text = messages[0].content
        assert self.count_prompt(messages) <= self.scoring_tokens
        self.prompts.append(text)
        if not text.startswith("["):
            likes = text.count("x") / 10
            return [math.log(min(0.9, 0.1 + likes)), math.log(max(0.1, 0.9 - likes))][: len(continuations)]
        listed = {part[1]: part.count("x") for part in text.split("\n\n")[:-2]}
        return [float(listed[marker.strip()]) for marker in continuations]


def test_the_passage_that_would_be_asked_about_rises(engine: LlamaCpp) -> None:
    hits = make_hits(TEXTS, [0.5, 0.49, 0.48])
    found = QueryLikelihood(engine, weight=5.0, depth=10).rerank("What does the ferry cost?", hits)
    check_order(hits, found)
    assert found[0].chunk_id == 3


def test_only_the_best_hits_are_read(engine: LlamaCpp) -> None:
    hits = make_hits(TEXTS, [0.5, 0.49, 0.48])
    found = QueryLikelihood(engine, weight=5.0, depth=2).rerank("What does the ferry cost?", hits)
    check_order(hits, found)
    assert found[2].chunk_id == 3
    assert len(list(QueryLikelihood(engine, weight=1.0, depth=2).steps("ferry?", hits))) == 3


def test_real_answers_are_probabilities_and_permutations(engine: LlamaCpp) -> None:
    hits = make_hits(TEXTS, [0.5, 0.49, 0.48])
    judged = YesNo(engine, depth=2).rerank("What does the ferry cost?", hits)
    check_order(hits, judged)
    assert all(0 < hit.score < 1 for hit in judged)
    listed = Listwise(engine, depth=3).rerank("What does the ferry cost?", hits)
    check_order(hits, listed)
    assert [hit.score for hit in listed] == [0.5, 0.49, 0.48]


def test_yes_counts_against_no() -> None:
    hits = make_hits(["o", "o x x", "x"])
    found = YesNo(Judge(), depth=3).rerank("q", hits)
    assert [hit.chunk_id for hit in found] == [2, 3, 1]
    assert found[0].score == pytest.approx(0.3 / (0.3 + 0.7))


def test_a_list_is_sorted_in_windows_from_its_end() -> None:
    hits = make_hits(["o", "o", "o", "o", "o", "o", "o", "x", "x x", "o", "x x x"])
    judge = Judge()
    found = Listwise(judge, depth=10).rerank("q", hits)
    assert [hit.chunk_id for hit in found[:2]] == [9, 8]
    assert found[10].chunk_id == 11
    check_order(hits, found)
    assert len(set(judge.prompts)) == 3
    whole = Listwise(Judge(), depth=11).rerank("q", hits)
    assert [hit.chunk_id for hit in whole[:2]] == [11, 9]


@pytest.mark.parametrize("kind", ["yes-no", "likelihood", "listwise"])
def test_the_end_of_a_long_passage_is_read(kind: str) -> None:
    judge = Judge()
    reranker = {
        "yes-no": YesNo(judge, depth=10),
        "likelihood": QueryLikelihood(judge, weight=9.0, depth=10),
        "listwise": Listwise(judge, depth=10),
    }[kind]
    hits = make_hits(["o " * 300, "o " * 300 + "x x x", "o"], [0.5, 0.49, 0.48])
    assert reranker.rerank("q", hits)[0].chunk_id == 2
    assert sum(prompt.count("x") for prompt in judge.prompts) >= 3


@pytest.mark.parametrize("kind", ["yes-no", "likelihood", "listwise"])
def test_opened_by_name_over_a_model_that_can_score(kind: str) -> None:
    opened = registry.load("ragent.rerankers", kind)
    reranker = opened(context(open_llm=Judge, rerank=RerankSettings(llm_depth=2)))
    hits = make_hits(["o", "x", "x x"])
    assert reranker.rerank("q", hits)[2].chunk_id == 3
    assert reranker.rerank("q", []) == ()
    with pytest.raises(RerankError, match="fills"):
        reranker.rerank("q " * 200, hits)
    with pytest.raises(ConfigError, match="mute doesn't tell"):
        opened(context(open_llm=Mute))


class Mute:
    """A model by URL, say, which only writes."""

    name = "mute"
