from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from ragent.errors import ContextOverflow, LLMError
from ragent.llm.choosing import best_of
from ragent.types import Delta, Message, Sampling, Usage

if TYPE_CHECKING:
    from ragent.llm.llamacpp import LlamaCpp

PASSAGE = "The harbour office opens at seven. The ferry to the island costs four euros. " * 3
ASK = [Message("user", f"{PASSAGE}What does the ferry cost?")]


def test_answers_are_written_side_by_side_over_one_prompt(engine: LlamaCpp) -> None:
    found = best_of(engine, ASK, Sampling(max_tokens=8, temperature=1.2, seed=5), 4)
    assert len(found) == 4
    assert len({one.text for one in found}) > 1
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    reused = sorted(one.usage.prompt_tokens - one.usage.reused_tokens for one in found)
    assert reused[:3] == [2, 2, 2]
    for one in found:
        (likelihood,) = engine.log_likelihoods(ASK, [one.text])
        assert one.score == pytest.approx(likelihood / engine.count([one.text])[0], abs=0.05)


def test_the_first_is_the_answer_that_was_asked_for(engine: LlamaCpp) -> None:
    sampling = Sampling(max_tokens=8)
    plain = "".join(delta.text for delta in engine.stream(ASK, sampling))
    chosen = best_of(engine, ASK, sampling, 3, scorer=lambda texts: [text == plain for text in texts])
    assert chosen[0].text == plain
    assert chosen[0].score == 1
    (alone,) = best_of(engine, ASK, sampling, 1)
    assert alone.text == plain
    assert alone.last.finish_reason


class Saying:
    """Says what its seed stands for; it can't score."""

    name = "saying"
    context_tokens = 100

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return 1

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: object = None
    ) -> Iterator[Delta]:
        if sampling.seed == 13:
            raise LLMError("broken")
        yield Delta(f"{'abc'[sampling.seed]} {sampling.temperature}")
        yield Delta("", "stop", Usage(1, 2))


def test_a_scorer_chooses() -> None:
    found = best_of(Saying(), ASK, Sampling(), 3, scorer=lambda texts: [1, 3, 2])
    assert [one.text for one in found] == ["b 0.7", "c 0.7", "a 0.0"]
    warm = best_of(Saying(), ASK, Sampling(temperature=0.3), 3, scorer=lambda texts: [1, 1, 1])
    assert [one.text for one in warm] == ["a 0.3", "b 0.3", "c 0.3"]


def test_without_a_scorer_the_model_must_be_one() -> None:
    with pytest.raises(LLMError, match="can't score") as raised:
        best_of(Saying(), ASK, Sampling(), 2)
    assert "scorer" in raised.value.hint


def test_a_failure_reaches_the_caller() -> None:
    with pytest.raises(LLMError, match="broken"):
        best_of(Saying(), ASK, Sampling(seed=13), 2, scorer=lambda texts: [0, 0])


def test_beam_search_with_one_beam_is_greedy(engine: LlamaCpp) -> None:
    from ragent.llm.beam import Beams

    plain = list(engine.stream(ASK, Sampling(max_tokens=12, repeat_penalty=1.0)))
    (greedy,) = engine.beam_search(ASK, Beams(width=1, max_tokens=12))
    assert greedy.text == "".join(delta.text for delta in plain)
    assert greedy.last.finish_reason == plain[-1].finish_reason


def test_wider_beams_find_likelier_answers(engine: LlamaCpp) -> None:
    from ragent.llm.beam import Beams

    story = [Message("user", "Tell me something about boats.")]
    likelihoods = []
    for width in (1, 4):
        beams = Beams(width, max_tokens=8)
        found = engine.beam_search(story, beams)
        assert len(found) == width
        assert len({one.text for one in found}) == width
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        best = found[0]
        (likelihood,) = engine.log_likelihoods(story, [best.text])
        assert best.last.finish_reason == "length"
        assert best.score == pytest.approx(beams.score(likelihood, best.usage.completion_tokens), abs=0.1)
        likelihoods.append(likelihood)
    assert likelihoods[1] > likelihoods[0]


def test_the_penalty_of_length() -> None:
    from ragent.llm.beam import Beams

    short, long = (-4.0, 3), (-6.0, 9)
    assert Beams(length_penalty=0).score(*short) > Beams(length_penalty=0).score(*long)
    assert Beams(length_penalty=1).score(*short) < Beams(length_penalty=1).score(*long)


def test_a_prompt_too_long_to_search(engine: LlamaCpp) -> None:
    with pytest.raises(ContextOverflow, match="1024"):
        engine.beam_search([Message("user", "word " * 1000)])
