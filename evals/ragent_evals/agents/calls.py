"""Whether a function call is right, as the abstract-syntax check of the Berkeley leaderboard decides it.

Source: the Berkeley Function Calling Leaderboard v4, `ast_checker` for Python
(https://github.com/ShishirPatil/gorilla/tree/main/berkeley-function-call-leaderboard). Its rules are kept
with their quirks, which the docstrings name, so that the figures can be compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

_TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
}
_IGNORED = re.compile(r"[ ,./\-_*^]")
_LEFT_OUT = ""
"""Among the values listed for an argument: it may be left out."""

Alternatives = Sequence[Any]


def problem_of_call(
    function: Mapping[str, Any], arguments: Mapping[str, Any], expected: Mapping[str, Alternatives]
) -> str:
    """Why a call of the right function isn't the expected one; "" if it is.

    Args:
        function: its description in the set's layout: the types are those of Python.
        arguments: what it was called with.
        expected: the values listed for each argument, any of which is right.
    """
    parameters = function["parameters"]
    for name in parameters.get("required", ()):
        if name not in arguments:
            return f"{name} is missing"
    for name, value in arguments.items():
        if name not in parameters["properties"] or name not in expected:
            return f"{name} was not asked for"
        if not is_right(value, parameters["properties"][name], expected[name]):
            return f"{name} is {value!r}, not one of {expected[name]!r}"
    for name, alternatives in expected.items():
        if name not in arguments and _LEFT_OUT not in alternatives:
            return f"{name} is missing, though it is optional"
    return ""


def is_right(value: Any, parameter: Mapping[str, Any], alternatives: Alternatives) -> bool:
    """Whether an argument has its type, and a value that is listed.

    A whole number may stand for a float, but not the other way round. A value that isn't of the declared type
    is right, too, if it is of the type of the listed ones, and one of them: so the name of a variable.
    """
    kind = _TYPES[parameter["type"]]
    items = _item_type(parameter)
    if parameter["type"] == "float" and type(value) is int:
        with suppress(OverflowError):
            value = float(value)
    if not _has_type(value, kind, items, alternatives):
        return False
    if not _is_just(value, kind) or _listed_type(alternatives) not in (None, kind):
        return value in alternatives
    if kind is list:
        same = _are_right_dicts if items is dict else _are_equal
        return any(same(value, each) for each in alternatives)
    if kind is dict:
        return any(_is_right_dict(value, each) for each in alternatives if each != _LEFT_OUT)
    return normalized(value) in [normalized(each) for each in alternatives]


def normalized(value: Any) -> Any:
    """A string in lower case, without spaces and ,./-_*^ and with one kind of quotes; others as they are."""
    if not isinstance(value, str):
        return value
    return _IGNORED.sub("", value).lower().replace("'", '"')


def _are_equal(values: Sequence[Any], expected: Sequence[Any]) -> bool:
    """Whether two lists are equal, their strings normalized; those in lists inside them aren't.

    "", which says that an argument may be left out, passes for an empty list.
    """
    return [normalized(each) for each in values] == [normalized(each) for each in expected]


def _has_type(value: Any, kind: type, items: type | None, alternatives: Alternatives) -> bool:
    if not _is_just(value, kind):
        return type(value) is _listed_type(alternatives)
    if items is None:
        return True
    return any(
        not isinstance(each, list) or all(_has_type(item, items, None, each) for item in value)
        for each in alternatives
    )


def _is_just(value: Any, kind: type) -> bool:
    """Whether a value is of a type and not of one derived from it: true is no whole number here."""
    return type(value) is kind


def _listed_type(alternatives: Alternatives) -> type | None:
    """The type of the first value listed; None if there is none but that it may be left out."""
    return next((type(each) for each in alternatives if each != _LEFT_OUT), None)


def _item_type(parameter: Mapping[str, Any]) -> type | None:
    if _TYPES[parameter["type"]] is not list or "items" not in parameter:
        return None
    return _TYPES[parameter["items"]["type"]]


def _is_right_dict(value: Mapping[str, Any], expected: Mapping[str, Alternatives]) -> bool:
    """Whether each member has a value that is listed for it, and none is missing. Types don't count here."""
    return all(
        key in expected and normalized(each) in [normalized(option) for option in expected[key]]
        for key, each in value.items()
    ) and all(key in value or _LEFT_OUT in options for key, options in expected.items())


def _are_right_dicts(value: Sequence[Any], expected: Sequence[Any]) -> bool:
    """Whether each object of a list is right, in the order of the expected ones."""
    return len(value) == len(expected) and all(
        each != _LEFT_OUT and _is_right_dict(given, each) for given, each in zip(value, expected, strict=True)
    )
