"""Hostile, impossible and mistaken schemas: a typed error that names the place, soon, and no crash."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ragent.errors import SchemaError
from ragent.structured import constrain, target_of
from ragent.structured.validating import problem_of
from ragent.types import Form


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


def chain(links: int) -> dict[str, Any]:
    parts: dict[str, Any] = {
        f"d{n}": {"type": "object", "properties": {"a": {"$ref": f"#/$defs/d{n + 1}"}}} for n in range(links)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**parts, f"d{links}": {"type": "string"}}}


IMPOSSIBLE: dict[str, tuple[Any, str]] = {
    "false": (False, "nothing satisfies"),
    "lengths": ({"type": "string", "minLength": 5, "maxLength": 2}, "minLength"),
    "range": ({"type": "integer", "minimum": 5, "maximum": 3}, "minimum"),
    "types": ({"allOf": [{"type": "string"}, {"type": "number"}]}, "incompatible types"),
    "required": ({"properties": {"a": False}, "required": ["a"], "type": "object"}, "'a'"),
    "itself": ({"$ref": "#"}, r"\$ref"),
    "two": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        "finite",
    ),
    "endless": ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "finite"),
    "any": ({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}}, "finite"),
    "misspelt": ({"properties": {"a": {"type": "strin"}}}, "#/properties/a/type"),
    "remote": ({"$ref": "http://169.254.169.254/schema.json"}, r"\$ref"),
    "file": ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, r"\$ref"),
    "absent": ({"$ref": "#/$defs/nowhere"}, r"\$ref"),
    "array": ([{"type": "string"}], "pydantic|schema is an object"),
    "nan": ({"minimum": float("nan")}, "not JSON"),
    "deep": (nested(500), "deeper than 64"),
    "disjoint": (
        {"patternProperties": {"a": {"type": "string"}, "b": {"type": "null"}}},
        "patternProperties",
    ),
    "huge": ({"enum": [f"value {n}" for n in range(100_000)]}, "characters"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_refused_with_the_reason(name: str) -> None:
    schema, reason = IMPOSSIBLE[name]
    with pytest.raises(SchemaError, match=reason):
        constrain(target_of(schema))


def test_a_schema_that_holds_itself_by_reference_in_python() -> None:
    loop: dict[str, Any] = {"type": "object"}
    loop["properties"] = {"again": loop}
    with pytest.raises(SchemaError, match="not JSON"):
        target_of(loop)


def test_text_nested_without_end() -> None:
    with pytest.raises(SchemaError, match="not JSON"):
        target_of(Form("json", '{"items":' * 20_000 + "{}" + "}" * 20_000))


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^((a{0,100}){0,100}){0,100}$", "(.*a.{30}){10}"])
def test_patterns_that_explode_elsewhere(pattern: str) -> None:
    assert constrain(target_of({"type": "string", "pattern": pattern})).accepts('"' + "a" * 2000 + '"') in (
        True,
        False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "schema",
    [
        chain(3000),
        {"type": "object", "required": [f"k{n}" for n in range(50_000)]},
        {"patternProperties": {f"^k{n}$": {"type": "string"} for n in range(800)}},
    ],
    ids=["chain", "required", "patterns"],
)
def test_what_crashes_or_hangs_the_engine_costs_ten_seconds_at_most(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError):
        constrain(target_of(schema))


@pytest.mark.parametrize(
    "form",
    [
        Form("regex", "(a"),
        Form("regex", "(?=a)b"),
        Form("regex", r"[^\s\S]"),
        Form("grammar", "start: nothing"),
        Form("grammar", "start: start"),
        Form("grammar", 'other: "x"'),
        Form("json", "{"),
    ],
    ids=lambda form: form.text,
)
def test_expressions_and_grammars_that_are_none(form: Form) -> None:
    with pytest.raises(SchemaError):
        constrain(target_of(form))


@pytest.mark.parametrize("wanted", ["Person", 3, object()])
def test_what_is_no_type(wanted: Any) -> None:
    with pytest.raises(SchemaError, match="pydantic model"):
        target_of(wanted)


@pytest.mark.parametrize(
    ("schema", "warning"),
    [
        ({"properties": {"a": {"not": {"type": "string"}}}}, "not at #/properties/a/not"),
        ({"type": "array", "contains": {"type": "null"}}, "contains at #/contains"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf at #/oneOf"),
        ({"type": "string", "pattern": "^(?!no)"}, "pattern '^(?!no)' at #/pattern"),
        ({"contentEncoding": "base64"}, "contentEncoding at #/contentEncoding (a remark only)"),
        ({"type": "string", "format": "colour"}, "format 'colour' (unknown)"),
    ],
)
def test_what_is_checked_afterwards_is_named(schema: dict[str, Any], warning: str) -> None:
    assert warning in constrain(target_of(schema)).warnings


@pytest.mark.parametrize(
    ("format_", "valid", "invalid"),
    [
        (
            "date",
            ["2024-02-29", "2000-02-29", "1999-12-31"],
            ["2023-02-29", "2100-02-29", "2024-13-01", "2024-4-1"],
        ),
        ("time", ["08:30:00Z", "23:59:59.5+02:00"], ["24:00:00Z", "08:30Z", "22:59:60Z", "08:30:00"]),
        ("date-time", ["2024-02-29T08:30:00Z"], ["2023-02-29T08:30:00Z", "2024-02-29 08:30:00Z"]),
        ("hostname", ["example.org", "a-b.c"], ["xn--x", "-a", "a" * 64, "a..b", "a_b"]),
        ("uuid", ["123e4567-e89b-12d3-a456-426614174000"], ["123e4567"]),
        ("ipv4", ["127.0.0.1"], ["256.0.0.1"]),
    ],
)
def test_formats_leave_no_gap(format_: str, valid: list[str], invalid: list[str]) -> None:
    constraint = constrain(target_of({"type": "string", "format": format_}))
    assert not constraint.warnings
    assert all(constraint.accepts(json.dumps(text)) for text in valid)
    assert not any(constraint.accepts(json.dumps(text)) for text in invalid)


def test_undeclared_members_are_left_out_where_nothing_needs_them() -> None:
    plain = constrain(target_of({"type": "object", "properties": {"a": {"type": "integer"}}}))
    assert plain.accepts('{"a": 1}')
    assert not plain.accepts('{"a": 1, "b": 2}')
    needed = constrain(
        target_of({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a", "b"]})
    )
    assert needed.accepts('{"a": 1, "b": 2}')
    laid_over = constrain(
        target_of(
            {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"required": ["b"]}], "type": "object"}
        )
    )
    assert laid_over.accepts('{"a": 1, "b": 2}')


def test_a_check_that_would_take_for_ever_is_ended() -> None:
    numbers = ",".join(str(n) for n in range(28))
    with pytest.raises(SchemaError, match="too long"):
        problem_of({"pattern": "^(.*?,){25}P"}, numbers)
