from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import ContextOverflow
from ragent.prompts import PromptTemplate, fit_passages
from ragent.types import Message

TEMPLATE = PromptTemplate(
    "test", "1", "[user]\n{% for passage in passages %}\n{{ passage }}\n{% endfor %}\n{{ question }}"
)


def words(messages: Sequence[Message]) -> int:
    return sum(len(message.content.split()) for message in messages)


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(2, 60))
def test_keeps_the_longest_beginning_that_fits(lengths: list[int], budget: int) -> None:
    passages = [f"p{n} " * length for n, length in enumerate(lengths)]
    fitted = fit_passages(TEMPLATE, passages, "who knows?", count_prompt=words, budget=budget)
    assert [*fitted.kept, *fitted.left_out] == passages
    assert words(fitted.messages) == sum(lengths[: len(fitted.kept)]) + 2 <= budget
    if fitted.left_out:
        assert words(fitted.messages) + lengths[len(fitted.kept)] > budget


def test_a_question_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ContextOverflow, match="question alone") as raised:
        fit_passages(TEMPLATE, ["a"], "one two three", count_prompt=words, budget=2)
    assert raised.value.hint


def test_many_passages_need_few_counts() -> None:
    calls = []

    def count(messages: Sequence[Message]) -> int:
        calls.append(1)
        return words(messages)

    fitted = fit_passages(TEMPLATE, ["word"] * 1000, "q", count_prompt=count, budget=101)
    assert len(fitted.kept) == 100
    assert len(calls) < 15
