from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from ragent.errors import LLMError, MalformedOutput
from ragent.rag.best import best_value
from ragent.types import Delta, Message, Sampling, Usage

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class Saying:
    """Says by its seed; likes large numbers."""

    name = "saying"
    context_tokens = 1000

    def __init__(self, *texts: str) -> None:
        self._texts = texts

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return 1

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: object = None
    ) -> Iterator[Delta]:
        yield Delta(self._texts[sampling.seed % len(self._texts)], "stop", Usage(1, 1))


class Scoring(Saying):
    scoring_tokens = 1000

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(n, n + 1) for n in range(len(text))]

    def log_likelihoods(
        self, messages: Sequence[Message], continuations: Sequence[str], begun: str = ""
    ) -> list[float]:
        return [len(text) * (int("".join(filter(str.isdigit, text))) - 100) for text in continuations]


def test_the_likeliest_value_of_several() -> None:
    llm = Scoring('{"n": 3}', '{"n": 8}', '{"n": 5}')
    assert best_value(llm, "How many?", SCHEMA, Sampling(), 3).value == {"n": 8}
    assert best_value(llm, "How many?", SCHEMA, Sampling(), 1).value == {"n": 3}


def test_values_without_the_form_are_left_out() -> None:
    assert best_value(Scoring("none", '{"n": 1}', "no"), "?", SCHEMA, Sampling(), 2).value == {"n": 1}
    with pytest.raises(MalformedOutput):
        best_value(Scoring("none"), "?", SCHEMA, Sampling(), 2)


def test_a_model_that_cannot_score() -> None:
    with pytest.raises(LLMError, match="can't score"):
        best_value(Saying('{"n": 3}'), "?", SCHEMA, Sampling(), 2)
