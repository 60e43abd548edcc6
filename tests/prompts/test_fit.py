from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import ContextOverflow
from ragent.prompts import Fitted, PromptTemplate, fit, load_prompt, parse_prompt
from ragent.types import Message

BODY = """[user]
{% for part in [examples, history, passages] %}
{% for item in part %}
{{ item }}
{% endfor %}
{% endfor %}
{{ question }}
"""
TEMPLATE = parse_prompt("test", f"gives_way: examples first, history first, passages last keep 1\n{BODY}")
PARTS = ("examples", "history", "passages")


def words(messages: Sequence[Message]) -> int:
    return sum(len(message.content.split()) for message in messages)


def fitted_into(budget: int, template: PromptTemplate = TEMPLATE, **values: Any) -> Fitted:
    return fit(template, {"question": "who knows?", **values}, count_prompt=words, budget=budget)


def items(letter: str) -> st.SearchStrategy[list[str]]:
    lengths = st.lists(st.integers(1, 9), max_size=6)
    return lengths.map(lambda each: [f"{letter}{n} " * length for n, length in enumerate(each)])


def tokens_with(kept: dict[str, tuple[str, ...]]) -> int:
    return 2 + sum(len(item.split()) for part in kept.values() for item in part)


@given(items("e"), items("h"), items("p"), st.integers(11, 80))
def test_what_is_kept_is_the_most_in_the_declared_order(
    examples: list[str], history: list[str], passages: list[str], budget: int
) -> None:
    values = dict(zip(PARTS, (examples, history, passages), strict=True))
    fitted = fitted_into(budget, **values)
    kept, left_out = dict(fitted.kept), dict(fitted.left_out)
    assert fitted.tokens == words(fitted.messages) == tokens_with(kept) <= budget
    # What was kept and what was left out are all there was, each from its own end.
    assert [*left_out["examples"], *kept["examples"]] == examples
    assert [*left_out["history"], *kept["history"]] == history
    assert [*kept["passages"], *left_out["passages"]] == passages
    # One item more of a part doesn't fit, even if the parts that give way before it had only what they must.
    for place, part in enumerate(PARTS):
        if left_out[part]:
            more = left_out[part][0] if part == "passages" else left_out[part][-1]
            before = dict.fromkeys(PARTS[:place], ())
            assert tokens_with(kept | before | {part: (*kept[part], more)}) > budget


@given(items("p"), st.integers(11, 60))
def test_a_template_that_declares_nothing_gives_up_passages(passages: list[str], budget: int) -> None:
    template = parse_prompt("mine", "[user]\n{{ passages|join(' ') }} {{ question }}")
    fitted = fitted_into(budget, template, passages=passages)
    assert [*fitted.kept["passages"], *fitted.left_out["passages"]] == passages
    if fitted.left_out["passages"]:
        assert fitted.tokens + len(fitted.left_out["passages"][0].split()) > budget


def test_room_that_a_long_item_leaves_is_used_by_what_gave_way_before() -> None:
    fitted = fitted_into(
        19, passages=["p " * 9, "q " * 9], history=["one two three"], examples=["a b", "c d", "e f"]
    )
    assert fitted.kept["passages"] == ("p " * 9,)
    assert fitted.kept["history"] == ("one two three",)
    assert fitted.kept["examples"] == ("c d", "e f")
    assert fitted.left_out == {"passages": ("q " * 9,), "history": (), "examples": ("a b",)}


def test_what_must_be_kept_is_kept_or_the_prompt_refused() -> None:
    assert fitted_into(5, passages=["a b c", "d"]).kept["passages"] == ("a b c",)
    with pytest.raises(
        ContextOverflow, match="room for 4 tokens, but with 1 of the passages takes 5"
    ) as raised:
        fitted_into(4, passages=["a b c", "d"])
    assert raised.value.hint
    with pytest.raises(ContextOverflow):
        fitted_into(1, passages=[])


def test_many_passages_need_few_counts() -> None:
    calls = []

    def count(messages: Sequence[Message]) -> int:
        calls.append(1)
        return words(messages)

    template = parse_prompt("mine", "[user]\n{{ passages|join(' ') }} {{ question }}")
    fitted = fit(template, {"passages": ["word"] * 1000, "question": "q"}, count_prompt=count, budget=101)
    assert len(fitted.kept["passages"]) == 100
    assert len(calls) < 15


def test_a_prompt_that_fits_is_counted_once() -> None:
    calls = []

    def count(messages: Sequence[Message]) -> int:
        calls.append(1)
        return words(messages)

    fit(load_prompt("condense-question"), {"question": "q"}, count_prompt=count, budget=1000)
    assert len(calls) == 1
