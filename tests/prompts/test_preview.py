from __future__ import annotations

from collections.abc import Sequence

import pytest

from ragent.errors import ConfigError, ContextOverflow
from ragent.prompts import load_prompt, preview, prompt_names
from ragent.types import Message


def words(messages: Sequence[Message]) -> int:
    return sum(len(message.content.split()) for message in messages)


VALUES = {
    "answer": "40 tonnes",
    "count": "3",
    "draft": "40 tonnes",
    "passages": ["The crane lifts 40 tonnes.", {"text": "The pier is long."}],
    "question": "What does the crane lift?",
    "schema": "{}",
    "history": [{"role": "user", "content": "Is there a crane?"}],
    "examples": [{"question": "Who pays?", "answer": "Ann pays.", "passages": ["Ann pays for it."]}],
    "steps": [],
    "instructions": "Be brief.",
    "together": ["search"],
    "answer_schema": {"type": "integer"},
    "reference": "40 tonnes",
    "first": "40 tonnes",
    "second": "4 tonnes",
    "principle": "Be exact.",
    "sentence": "The crane lifts 40 tonnes.",
    "critique": "It says too much.",
    "last": True,
    "most": 5,
    "summary": "The crane was found.",
    "turns": [{"role": "user", "content": "Is there a crane?"}],
    "tools": [{"name": "search", "description": "Finds passages.", "schema": {"type": "object"}}],
}


@pytest.mark.parametrize("name", prompt_names())
def test_every_template_has_a_version_and_renders(name: str) -> None:
    template = load_prompt(name)
    assert template.version
    assert template.description
    values = {variable: VALUES[variable] for variable in template.variables}
    shown = preview(template, values, count_prompt=words, budget=1000)
    assert (shown.name, shown.version, shown.digest) == (name, template.version, template.digest)
    assert not any(shown.left_out.values())
    assert shown.tokens == words(shown.messages)
    if "question" in template.variables:
        assert "What does the crane lift?" in shown.messages[-1].content
    if "passages" in values:
        assert "The pier is long." in shown.messages[-1].content


def test_passages_give_way_and_nothing_else() -> None:
    template = load_prompt("judge")
    values = {name: VALUES[name] for name in template.variables}
    tokens = preview(template, values, count_prompt=words, budget=1000).tokens
    shown = preview(template, values, count_prompt=words, budget=tokens - 1)
    assert shown.left_out == {"passages": ({"text": "The pier is long."},)}
    assert "40 tonnes" in shown.messages[-1].content
    with pytest.raises(ContextOverflow):
        preview(template, values, count_prompt=words, budget=5)


def test_values_are_checked() -> None:
    with pytest.raises(ConfigError, match="needs a value for question"):
        preview(load_prompt("step-back"), {}, count_prompt=words, budget=100)
    with pytest.raises(ConfigError, match="doesn't use colour"):
        preview(load_prompt("step-back"), {"question": "x", "colour": "y"}, count_prompt=words, budget=100)
