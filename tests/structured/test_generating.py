from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field, field_validator
from typing_extensions import TypedDict

from ragent.errors import MalformedOutput, SchemaError
from ragent.structured import Partial, Structured, generate, stream
from ragent.types import Form, Message, Sampling
from tests.structured.sampling import Babbler

TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name", "children"],
        }
    },
}
SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["b"]},
    {"type": "array", "items": {"type": "number"}, "minItems": 2},
    {"anyOf": [{"type": "object", "properties": {"x": {"const": 1}}, "required": ["x"]}, {"type": "null"}]},
    {"type": "object", "additionalProperties": {"type": "boolean"}},
    {"type": "string", "pattern": "^[a-z]{3}-[0-9]+$"},
    {"type": "string", "minLength": 5, "maxLength": 9},
    {"type": "integer", "minimum": 17, "maximum": 1234},
    {"enum": ["one", 2, None, {"three": 3}]},
    {"type": "string", "format": "date-time"},
    TREE,
    {},
    {"items": {"items": {"items": {}}}},
]


class Colour(Enum):
    RED = "red"
    NONE = None


class Point(TypedDict):
    x: int
    y: int


@dataclass
class Ferry:
    name: str
    crossings: list[int]


class Booking(BaseModel):
    reason: str
    day: date
    seats: int = Field(ge=1, le=9)
    ferry: Ferry | None = None


def of(value: Any) -> Sampling:
    return Sampling(max_tokens=value)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:40])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_model_says_is_valid(schema: dict[str, Any], seed: int) -> None:
    made = generate(Babbler(), "Anything", schema, sampling=Sampling(max_tokens=400, seed=seed))
    Draft202012Validator(schema).validate(made.value)
    assert json.loads(made.text) == made.value
    assert made.warnings == ()
    assert made.attempts == 1


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:40])
@pytest.mark.parametrize("limit", [60, 75, 90])
def test_a_token_limit_closes_the_value(schema: dict[str, Any], limit: int) -> None:
    made = generate(Babbler(), "Anything", schema, sampling=of(limit))
    Draft202012Validator(schema).validate(made.value)
    assert made.usage.completion_tokens <= limit


@pytest.mark.parametrize(
    "loop", [(b" ",), (b"\\", b"n"), (b"the ",), (b"[",), (b'", "',), (b"1",), (b"}",), (b",",)]
)
@pytest.mark.parametrize(
    "schema", [TREE, {}, {"type": "array"}, {"additionalProperties": {"type": "string"}}]
)
def test_no_model_can_loop_for_ever(loop: tuple[bytes, ...], schema: dict[str, Any]) -> None:
    made = generate(Babbler(likes=loop), "Anything", schema, sampling=of(4000))
    Draft202012Validator(schema).validate(made.value)
    assert " " * 6 not in made.text
    assert "\\n" * 6 not in made.text


def test_a_bound_that_bit_is_reported() -> None:
    made = generate(Babbler(likes=(b"1", b", ")), "", {"type": "array", "items": {"type": "integer"}})
    assert made.closed
    assert len(made.value) == 16
    longer = {"type": "array", "items": {"const": 1}, "maxItems": 20}
    assert len(generate(Babbler(likes=(b", ",)), "", longer).value) == 20


def test_a_limit_too_small_for_any_value_raises_with_what_there_is() -> None:
    with pytest.raises(MalformedOutput) as raised:
        generate(Babbler(), "Anything", SCHEMAS[0], sampling=of(4))
    assert raised.value.text.startswith("{")
    assert "4 tokens" in raised.value.message
    assert "more tokens" in raised.value.hint


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        (Booking, Booking),
        (Ferry, Ferry),
        (Point, dict),
        (Colour, Colour),
        (Literal["yes", "no", 7], str | int),
        (list[int], list),
        (int | None, int | None),
        (bool, bool),
        (tuple[int, str], tuple),
        (dict[str, float], dict),
    ],
)
def test_types_come_back_as_their_own(wanted: Any, kind: Any) -> None:
    for seed in range(3):
        made = generate(Babbler(), "Anything", wanted, sampling=Sampling(max_tokens=300, seed=seed))
        assert isinstance(made.value, kind)


def test_fields_keep_their_order_so_that_reasons_can_come_first() -> None:
    made = generate(Babbler(), "Anything", Booking, sampling=of(400))
    assert list(json.loads(made.text))[:3] == ["reason", "day", "seats"]


def test_regular_expressions_and_grammars() -> None:
    from outlines.types import CFG, Regex, either, integer

    number = generate(Babbler(), "Anything", Regex(r"\+[0-9]{2} [0-9]{4}"))
    assert isinstance(number.value, str)
    assert (number.value[0], number.value[3], len(number.value)) == ("+", " ", 8)
    assert generate(Babbler(), "", either("high", "low")).value in ("high", "low")
    assert generate(Babbler(), "", integer, sampling=of(8)).value.lstrip("+-").isdigit()
    total = generate(Babbler(), "", CFG('start: N ("+" N)*\nN: /[0-9]/'), sampling=of(9)).value
    assert all(part.isdigit() for part in total.split("+"))
    assert (
        generate(Babbler(), "", Form("grammar", 'start: "(" start ")" | "x"'), sampling=of(9)).value.count(
            "("
        )
        <= 4
    )


def test_a_grammar_cut_short_is_no_value() -> None:
    with pytest.raises(MalformedOutput) as raised:
        generate(Babbler(), "", Form("regex", "a{30}"), sampling=of(10))
    assert raised.value.text == "a" * 10


def test_what_can_not_be_enforced_is_named_checked_and_tried_again() -> None:
    schema = {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": True}
    model = Babbler(likes=(b"t", b"]"))
    with pytest.raises(MalformedOutput, match="uniqueItems"):
        generate(model, "Anything", schema, attempts=2)
    first, second = model.samplings
    assert first.temperature == 0
    assert second.temperature > 0
    assert first.seed != second.seed
    made = generate(Babbler(likes=(b"]",)), "Anything", schema, attempts=20)
    assert made.warnings == ("uniqueItems at #/uniqueItems",)
    assert sorted(made.value) == [False, True]


def test_conditions_of_a_type_are_checked_too() -> None:
    class Even(BaseModel):
        n: int = Field(ge=0, le=9)

        @field_validator("n")
        @classmethod
        def must_be_even(cls, n: int) -> int:
            if n % 2:
                raise ValueError("odd")
            return n

    assert generate(Babbler(), "", Even, attempts=30).value.n % 2 == 0


def test_parts_stream_as_they_become_complete() -> None:
    *parts, last = stream(Babbler(), "Anything", Booking, sampling=of(400))
    assert isinstance(last, Structured)
    final = json.loads(last.text)
    seen = 0
    for part in parts:
        assert isinstance(part, Partial)
        assert last.text.startswith(part.text)
        value = part.value or {}
        assert len(value) >= seen
        seen = len(value)
        assert {key: final[key] for key in ("reason", "day", "seats") if key in value} == {
            key: value[key] for key in ("reason", "day", "seats") if key in value
        }
    assert seen == len(final)


def test_a_schema_is_shown_to_the_model_with_a_plain_prompt_only() -> None:
    model = Babbler()
    generate(model, "Anything", SCHEMAS[0])
    generate(model, [Message("user", "Anything")], SCHEMAS[0])
    model.context_tokens = 16
    generate(model, "Anything", SCHEMAS[0])
    assert [len(messages) for messages in model.heard] == [2, 1, 1]
    assert '"properties"' in model.heard[0][0].content


def test_a_schema_that_can_not_be_is_an_error_before_anything_is_generated() -> None:
    model = Babbler()
    with pytest.raises(SchemaError):
        stream(model, "Anything", {"type": "string", "minLength": 3, "maxLength": 2})
    assert model.heard == []
