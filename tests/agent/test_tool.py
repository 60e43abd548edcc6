from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import pytest

from ragent.agent import ToolResult, tool
from ragent.errors import ConfigError, ToolError


@tool
def add_days(start: date, days: int = 1, unit: Literal["day", "week"] = "day") -> date:
    """Add days to a date.

    It counts calendar days.

    Args:
        start: the first day,
            as YYYY-MM-DD.
        days: how many.

    Returns:
        The last day.
    """
    return date.fromordinal(start.toordinal() + days * (7 if unit == "week" else 1))


def test_the_signature_and_the_docstring_become_the_schema() -> None:
    assert add_days.name == "add_days"
    assert add_days.description == "Add days to a date.\n\nIt counts calendar days."
    assert add_days.parameters["required"] == ["start"]
    assert add_days.parameters["additionalProperties"] is False
    properties = add_days.parameters["properties"]
    assert properties["start"]["description"] == "the first day, as YYYY-MM-DD."
    assert properties["days"] == {
        "default": 1,
        "description": "how many.",
        "title": "Days",
        "type": "integer",
    }
    assert properties["unit"]["enum"] == ["day", "week"]


def test_arguments_are_given_in_the_functions_own_types() -> None:
    assert add_days.run({"start": "2025-03-01", "days": 2, "unit": "week"}) == ToolResult('"2025-03-15"')


def test_arguments_that_do_not_fit_are_an_error_for_the_model() -> None:
    for arguments in ({}, {"start": "soon"}, {"start": "2025-03-01", "more": 1}):
        with pytest.raises(ToolError):
            add_days.run(arguments)


def test_results_become_text() -> None:
    @dataclass
    class Point:
        x: int
        y: int

    @tool(tainted=True)
    def give(what: str) -> Any:
        return {"text": "as it is", "point": Point(1, 2), "none": None, "odd": object}[what]

    assert give.run({"what": "text"}) == ToolResult("as it is", tainted=True)
    assert give.run({"what": "point"}).text == '{"x": 1, "y": 2}'
    assert give.run({"what": "none"}).text == "null"
    assert give.run({"what": "odd"}).text


def test_what_no_schema_can_tell_is_refused() -> None:
    def variable(*values: int) -> None: ...

    def untyped(value) -> None: ...  # type: ignore[no-untyped-def]

    def strange(value: ToolError) -> None: ...

    for function in (variable, untyped, strange):
        with pytest.raises(ConfigError):
            tool(function)
    with pytest.raises(ConfigError):
        tool(name="two words")(untyped)
