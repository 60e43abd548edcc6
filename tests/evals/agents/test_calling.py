"""Function-calling sets, from the file to the figures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ragent.errors import EvalError
from ragent.protocols import Constraint
from ragent.structured import FormConstraint
from ragent.types import Delta, Message, Sampling, Usage
from ragent_evals.agents.calling import CallCase, json_schema, judge, read_calls, run_calls, summarize

WEATHER = {
    "name": "weather.get",
    "description": "Tells the weather.",
    "parameters": {
        "type": "dict",
        "properties": {
            "city": {"type": "string", "description": "Where."},
            "days": {"type": "integer", "description": "How many.", "default": "3"},
            "at": {"type": "tuple", "items": {"type": "float"}, "description": "Coordinates."},
            "unit": {"type": "string", "enum": ["C", "F"], "description": "Of the temperature."},
            "type": {"type": "any", "description": "An argument that is called like a keyword."},
        },
        "required": ["city"],
    },
}
PAY = {
    "name": "pay-now",
    "description": "Pays.",
    "parameters": {"type": "dict", "properties": {"sum": {"type": "float"}}, "required": ["sum"]},
}
CASE = CallCase("1", "Weather in Rome?", (WEATHER, PAY), {"weather.get": {"city": ["Rome"], "days": [2, ""]}})


class Scripted:
    """Writes given texts, and fails where the constraint wouldn't let it."""

    name = "scripted"
    context_tokens = 4096

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.asked: list[str] = []

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> Iterator[Delta]:
        self.asked.append(messages[-1].content)
        text = self.texts.pop(0)
        assert isinstance(constraint, FormConstraint)
        assert constraint.accepts(text)
        yield Delta(text, "stop", Usage(1, 1))


def written(tool: str, **arguments: Any) -> str:
    return json.dumps({"tool": tool, "arguments": arguments})


def test_types_of_python_become_those_of_json() -> None:
    schema = json_schema(WEATHER["parameters"])
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    kinds = {name: part["type"] for name, part in schema["properties"].items()}
    assert kinds == {"city": "string", "days": "integer", "at": "array", "unit": "string", "type": "string"}
    assert schema["properties"]["at"]["items"] == {"type": "number"}
    assert "default" not in schema["properties"]["days"]


@pytest.mark.parametrize(
    ("text", "named", "valid", "tool", "call"),
    [
        (written("weather.get", city="rome"), True, True, True, True),
        (written("weather.get", city="rome", days=2), True, True, True, True),
        (written("weather.get", city="Oslo"), True, True, True, False),
        (written("weather.get", days=2), True, False, True, False),
        (written("weather.get", city=7), True, False, True, False),
        (written("weather.get", city="Rome", unit="K"), True, False, True, False),
        (written("pay-now", sum=2), True, True, False, False),
        (written("pay", sum=2), False, False, False, False),
        ('{"tool": "weather.get"}', False, False, False, False),
        ('{"tool": "weather.get", "argu', False, False, False, False),
        ("[]", False, False, False, False),
    ],
)
def test_a_call_is_judged_in_four_ways(text: str, named: bool, valid: bool, tool: bool, call: bool) -> None:
    called = judge(CASE, text)
    assert (called.named, called.valid, called.tool, called.call) == (named, valid, tool, call)
    assert bool(called.problem) is not call


def test_the_model_is_told_of_the_functions_and_held_to_them() -> None:
    model = Scripted(written("weather.get", city="Rome"), written("pay-now", sum=1.5))
    done: list[int] = []
    called = list(run_calls(model, [CASE, CASE], done.append))
    assert [each.call for each in called] == [True, False]
    assert done == [1, 2]
    assert "weather.get: Tells the weather.\n  city (string): Where." in model.asked[0]
    assert 'unit (string, optional): Of the temperature. one of ["C", "F"]' in model.asked[0]
    assert "Request: Weather in Rome?" in model.asked[0]
    figures = summarize(called)
    assert {name: figure.value for name, figure in figures.items()} == {
        "named": 1.0,
        "valid": 1.0,
        "tool": 0.5,
        "call": 0.5,
    }
    assert figures["call"].low == 0.0
    assert figures["call"].high == 1.0


@pytest.mark.parametrize(
    "text",
    [
        written("pay", sum=1),
        written("weather.get"),
        written("weather.get", city=1),
        written("weather.get", city="Rome", unit="K"),
        written("weather.get", city="Rome", other=1),
        json.dumps({"answer": "Sunny"}),
        json.dumps([{"tool": "pay-now", "arguments": {"sum": 1}}] * 2),
    ],
)
def test_the_grammar_refuses_all_else(text: str) -> None:
    with pytest.raises(AssertionError, match="accepts"):
        list(run_calls(Scripted(text), [CASE]))


def test_a_file_is_read(tmp_path: Path) -> None:
    line = {
        "id": "simple_0",
        "question": [[{"role": "user", "content": "Weather in Rome?"}]],
        "function": [WEATHER, PAY],
        "ground_truth": [CASE.expected],
    }
    path = tmp_path / "tiny.jsonl"
    path.write_text(json.dumps(line) + "\n\n")
    read = read_calls(path)
    assert (read.name, len(read.cases)) == ("tiny", 1)
    assert read.cases[0] == CallCase("simple_0", CASE.request, CASE.functions, CASE.expected)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": 1}', '{"question": [], "ground_truth": []}'])
def test_what_is_no_set_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "set.jsonl").write_text(text)
    with pytest.raises(EvalError, match=r"set\.jsonl (is no set|holds no cases)"):
        read_calls(tmp_path / "set.jsonl")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="can't read"):
        read_calls(tmp_path / "none.jsonl")
