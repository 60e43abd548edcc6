"""Values under a schema, calls of functions, conversations."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent_evals.metrics.structure.value_match import are_equal
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case, Turn
from tests.evals.metrics.things import value

SCHEMA = {
    "type": "object",
    "properties": {"day": {"type": "string", "format": "date"}, "count": {"type": "integer"}},
    "required": ["day"],
}
ADD = {
    "name": "add",
    "parameters": {
        "type": "dict",
        "properties": {"left": {"type": "integer"}, "right": {"type": "integer"}},
        "required": ["left", "right"],
    },
}
NAP = {"name": "nap", "parameters": {"type": "dict", "properties": {}, "required": []}}
ONE_TWO = {"add": {"left": [1], "right": [2, 3]}}
FIVE_SIX = {"add": {"left": [5], "right": [6]}}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


def add(left: Any, right: Any) -> dict[str, Any]:
    return {"name": "add", "arguments": {"left": left, "right": right}}


@pytest.mark.parametrize(
    ("outcome", "wanted"),
    [
        (Outcome("c", value={"day": "2025-03-01"}), 1),
        (Outcome("c", value={"day": "2025-03-32"}), 0),
        (Outcome("c", value={"count": 3}), 0),
        (Outcome("c", text='{"day": "2025-03-01"}'), 1),
        (Outcome("c", text='{"day": '), 0),
        (Outcome("c", text=""), 0),
        (Outcome("c", value={"day": "2025-03-01"}, error="it broke"), 0),
    ],
)
def test_validity(outcome: Outcome, wanted: float) -> None:
    assert value("validity", Case("c", "schema", "q", schema=SCHEMA), outcome) == wanted


def test_validity_is_not_judged_where_it_can_not_be() -> None:
    null = Case("c", "schema", "q", schema={"type": "null"})
    assert value("validity", null, Outcome("c", text="null")) == 1
    for lost in ({"$ref": "#/nowhere"}, {"type": "nonsense"}, {"type": 5}, {"enum": 3}, {"$ref": 3}, 3, []):
        assert value("validity", Case("c", "schema", "q", schema=lost), Outcome("c", value=1)) is None
    assert value("validity", Case("c", "schema", "q"), Outcome("c", value=1)) is None


@settings(deadline=None)
@given(json_values)
def test_a_value_matches_itself_however_it_is_written(written: Any) -> None:
    assert are_equal(written, written)
    case = Case("c", "schema", "q", answers=("else", json.dumps(written)))
    assert value("value_match", case, Outcome("c", value=written, text=json.dumps(written))) == 1


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        (1, 1.0, True),
        (1, True, False),
        ([0], [False], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1, 2], [2, 1], False),
        ("1", 1, False),
        (None, False, False),
        ([], {}, False),
    ],
)
def test_equality_is_that_of_json(left: Any, right: Any, wanted: bool) -> None:
    assert are_equal(left, right) is are_equal(right, left) is wanted


def test_an_answer_that_is_no_json_is_a_string() -> None:
    case = Case("c", "schema", "q", answers=("at dawn",))
    assert value("value_match", case, Outcome("c", value="at dawn")) == 1
    assert value("value_match", case, Outcome("c", text="at dawn")) == 0
    assert value("value_match", Case("c", "schema", "q"), Outcome("c", value=1)) is None


@pytest.mark.parametrize(
    ("expected", "calls", "named", "right"),
    [
        ((ONE_TWO,), (add(1, 3),), 1, 1),
        ((ONE_TWO,), (add(1, 4),), 1, 0),
        ((ONE_TWO,), (add(1, "2"),), 1, 0),
        ((ONE_TWO,), ({"name": "nap", "arguments": {}},), 0, 0),
        ((ONE_TWO,), ({"name": "add"},), 1, 0),
        ((ONE_TWO,), ({},), 0, 0),
        ((ONE_TWO,), (), 0, 0),
        ((ONE_TWO,), (add(1, 2), add(1, 2)), 0, 0),
        ((ONE_TWO, FIVE_SIX), (add(5, 6), add(1, 2)), 1, 1),
        ((ONE_TWO, FIVE_SIX), (add(1, 2), add(1, 2)), 1, 0),
        ((), (), None, 1),
        ((), (add(1, 2),), None, 0),
    ],
)
def test_calls(expected: Any, calls: Any, named: float | None, right: float) -> None:
    case = Case("c", "tools", "q", functions=(ADD, NAP), calls=expected)
    outcome = Outcome("c", calls=calls)
    assert value("tool_named", case, outcome) == named
    assert value("call", case, outcome) == right
    assert value("no_call", case, outcome) == (None if expected else float(not calls))
    assert value("call", case, replace(outcome, error="it broke")) == 0


TURNS = (
    Turn("Who?", ("Ann",)),
    Turn("Why?", is_impossible=True),
    Turn("And so?"),
    Turn("When?", ("at dawn",)),
)


def test_turns() -> None:
    case = Case("c", "turns", "When?", turns=TURNS)
    taken = (
        Outcome("1", "Ann"),
        Outcome("2", "no answer", abstained=True),
        Outcome("3", "whatever"),
        Outcome("4", "dawn"),
    )
    whole = Outcome("c", turns=taken)
    last = 2 / 3
    assert value("turn_f1", case, whole) == pytest.approx((1 + 1 + last) / 3)
    assert value("last_turn_f1", case, whole) == pytest.approx(last)
    broken = Outcome("c", turns=(taken[0], Outcome("2", error="it broke")))
    assert value("turn_f1", case, broken) == pytest.approx(1 / 3)
    assert value("last_turn_f1", case, broken) == 0
    assert value("turn_f1", case, Outcome("c", error="it broke")) == 0
    assert value("turn_f1", case, Outcome("c", turns=(*taken, Outcome("5", "too much")))) == pytest.approx(
        8 / 9
    )
    unknown = Case("c", "turns", "And so?", turns=TURNS[2:3])
    assert value("turn_f1", unknown, whole) is None
    assert value("last_turn_f1", unknown, whole) is None
    assert value("last_turn_f1", Case("c", "turns", "q"), whole) is None
