"""The rules of the Berkeley leaderboard's check, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent_evals.agents.calls import is_right, normalized, problem_of_call

STRING, INTEGER, FLOAT, BOOLEAN = ({"type": kind} for kind in ("string", "integer", "float", "boolean"))
STRINGS = {"type": "array", "items": STRING}
FLOATS = {"type": "array", "items": FLOAT}
DICT = {"type": "dict"}
DICTS = {"type": "array", "items": DICT}


@pytest.mark.parametrize(
    ("value", "parameter", "alternatives"),
    [
        (5, INTEGER, [5]),
        (5, INTEGER, [4, 5]),
        (True, BOOLEAN, [True]),
        (0.5, FLOAT, [0.5]),
        # A whole number stands for a float, and is the same as one.
        (5, FLOAT, [5.0]),
        (5, FLOAT, [5]),
        (5.0, FLOAT, [5]),
        (5, FLOAT, [0.5, 5]),
        # Strings: case, blanks and some punctuation don't count, nor does the kind of quotes.
        ("new york", STRING, ["New York"]),
        ("April 1, 2024", STRING, ["april 1 2024"]),
        ("2024/04/01", STRING, ["2024-04-01"]),
        ("x_1*y^2", STRING, ["x1y2"]),
        ("it's", STRING, ['it"s']),
        # What may be left out may be given as nothing.
        ("", STRING, ["a", ""]),
        ([], STRINGS, [["a"], ""]),
        # `any` is a string.
        ("my_data", {"type": "any"}, ["my_data"]),
        # A variable's name instead of a value: of the type of what is listed, and the same to the letter.
        ("n", INTEGER, ["n"]),
        ("my_list", STRINGS, ["my_list"]),
        # Lists, in order; tuples are lists.
        (["New York", "Rome"], STRINGS, [["new york", "rome"]]),
        ([1.5, 2.5], {"type": "tuple", "items": FLOAT}, [[1.5, 2.5]]),
        ([1, 2], FLOATS, [[1, 2]]),
        ([1.0, 2.0], FLOATS, [[1, 2]]),
        ([], FLOATS, [[]]),
        ([[1, 2], [3, 4]], {"type": "array", "items": {"type": "array"}}, [[[1, 2], [3, 4]]]),
        ([1, "a"], {"type": "array"}, [[1, "A"]]),
        # Objects: each member has values of its own, some may be left out.
        ({"city": "new york"}, DICT, [{"city": ["New York", "NYC"]}]),
        ({"city": "NYC"}, DICT, ["", {"city": ["Rome"]}, {"city": ["NYC"], "zip": ["", 1]}]),
        ({"hands": ["A", "K"]}, DICT, [{"hands": [["A", "K"]]}]),
        ([{"a": 1}, {"b": "X y"}], DICTS, [[{"a": [1]}, {"b": ["xy"]}]]),
    ],
)
def test_right(value: Any, parameter: dict[str, Any], alternatives: list[Any]) -> None:
    assert is_right(value, parameter, alternatives)


@pytest.mark.parametrize(
    ("value", "parameter", "alternatives"),
    [
        (6, INTEGER, [5]),
        # The other way round, a float doesn't stand for a whole number, nor does true, nor a text.
        (5.0, INTEGER, [5]),
        (True, INTEGER, [1]),
        ("5", INTEGER, [5]),
        (1, BOOLEAN, [True]),
        ("true", BOOLEAN, [True]),
        ("0.5", FLOAT, [0.5]),
        (10**400, FLOAT, [1.0]),
        (None, STRING, ["a"]),
        ("york", STRING, ["New York"]),
        ("new york!", STRING, ["new york"]),
        # Variables are compared to the letter.
        ("N", INTEGER, ["n"]),
        ("mylist", STRINGS, ["my_list"]),
        # Lists.
        (["rome", "new york"], STRINGS, [["new york", "rome"]]),
        (["rome"], STRINGS, [["rome", "paris"]]),
        (["rome"], STRINGS, [["paris"], ["oslo"]]),
        ("rome", STRINGS, [["rome"]]),
        ([1, 2], STRINGS, [["1", "2"]]),
        ([1, 0.5], FLOATS, [[1.0, 0.5]]),
        ([], STRINGS, [["a"]]),
        # In lists inside lists, strings are compared to the letter.
        ([["A"]], {"type": "array", "items": {"type": "array"}}, [[["a"]]]),
        # Objects.
        ({"city": "Rome", "zip": 1}, DICT, [{"city": ["Rome"]}]),
        ({}, DICT, [{"city": ["Rome"]}]),
        ({}, DICT, [""]),
        ({"city": "Oslo"}, DICT, [{"city": ["Rome"]}]),
        ({"hands": ["a", "k"]}, DICT, [{"hands": [["A", "K"]]}]),
        ([{"a": 1}], DICTS, [[{"a": [1]}, {"b": [2]}]]),
        ([{"b": 2}, {"a": 1}], DICTS, [[{"a": [1]}, {"b": [2]}]]),
        ({"a": 1}, DICTS, [[{"a": [1]}]]),
    ],
)
def test_wrong(value: Any, parameter: dict[str, Any], alternatives: list[Any]) -> None:
    assert not is_right(value, parameter, alternatives)


FUNCTION = {
    "name": "area",
    "parameters": {
        "type": "dict",
        "properties": {"base": INTEGER, "height": INTEGER, "unit": STRING},
        "required": ["base", "height"],
    },
}
EXPECTED = {"base": [10], "height": [5], "unit": ["cm", ""]}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"base": 10, "height": 5}, ""),
        ({"base": 10, "height": 5, "unit": "CM"}, ""),
        ({"height": 5, "base": 10}, ""),
        ({"base": 10}, "height is missing"),
        ({"base": 10, "height": 5, "unit": "m"}, "unit is 'm', not one of ['cm', '']"),
        ({"base": 10, "height": 5, "depth": 1}, "depth was not asked for"),
    ],
)
def test_calls(arguments: dict[str, Any], problem: str) -> None:
    assert problem_of_call(FUNCTION, arguments, EXPECTED) == problem


def test_an_optional_argument_that_was_asked_for_may_not_be_left_out() -> None:
    expected = {**EXPECTED, "unit": ["cm"]}
    assert "unit is missing" in problem_of_call(FUNCTION, {"base": 10, "height": 5}, expected)


def test_an_argument_without_listed_values_may_not_be_given() -> None:
    expected = {"base": [10], "height": [5]}
    assert problem_of_call(FUNCTION, {"base": 10, "height": 5}, expected) == ""
    assert "not asked for" in problem_of_call(FUNCTION, {"base": 10, "height": 5, "unit": "cm"}, expected)


@given(st.text())
def test_normalizing_is_done_at_once(text: str) -> None:
    assert normalized(normalized(text)) == normalized(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
LISTED = {"string": ["a", ""], "integer": [1], "float": [0.5], "boolean": [True], "dict": [{"a": [1]}]}


@given(JSON, st.sampled_from(sorted(LISTED)))
def test_whatever_a_model_writes_is_judged(value: Any, kind: str) -> None:
    assert is_right(value, {"type": kind}, LISTED[kind]) in (True, False)
    array = {"type": "array", "items": {"type": kind}}
    listed = LISTED[kind] if kind != "dict" else [{"a": [1]}]
    assert is_right(value, array, [listed]) in (True, False)
