"""Filters over metadata: which documents and passages a search may find.

A filter is a small tree of frozen dataclasses. `parse_filter` makes one from what people and programs write:
a condition such as `year>=2020`, a JSON object such as `{"year": {">=": 2020}, "or": [...]}`, or a list of
either, all of which must hold. `ragent.store.filtering` compiles it to SQL.

What a condition says of a metadata value:

- A value that is a list meets a condition when one of its elements does.
- Numbers compare with numbers, texts with texts (by code point, so ISO dates compare as dates), booleans and
  null only by `=`. Values of unlike types are unequal, and neither is less than the other.
- `path` stands for the documents at or below a path of this machine.
- `!=` and `not` hold whenever their opposite doesn't, so for documents without the field, too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ragent.errors import QueryError

Value = str | int | float | bool | None
Operator = Literal["=", "<", "<=", ">", ">=", "prefix"]


@dataclass(frozen=True, slots=True)
class Compare:
    """The field's value (or one element of it) compares so with `value`."""

    field: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Exists:
    """There is such a field, whatever its value, null included."""

    field: str


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold; so it holds when there are none."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part doesn't hold."""

    part: Filter


Filter = Compare | Exists | And | Or | Not

_FORMS = "year>=2020, lang=de, 'lang in de,fr', 'author prefix Mei', 'due exists', or JSON"
_OPERATORS: tuple[Operator, ...] = ("=", "<", "<=", ">", ">=", "prefix")
_CONDITION = re.compile(
    r"""\s*(?P<field>"(?:[^"\\]|\\.)*"|[^\s=<>!^~]+(?:\s+(?!(?:in|prefix|exists)\b)[^\s=<>!^~]+)*)"""
    r"""\s*(?:(?P<operator>!=|<=|>=|=|<|>)|\b(?P<word>in|prefix|exists)\b)(?P<value>.*)""",
    re.DOTALL,
)


def parse_filter(where: object) -> Filter:
    """A filter from what people and programs write.

    Args:
        where: a Filter; a condition such as `year>=2020`, `lang in de,fr`, `author prefix Mei`, `due exists`,
            in which a number or `true` also means the text that looks so, unless it stands in double quotes;
            a mapping such as `{"lang": "de", "year": {">=": 2020}, "not": {"draft": True}}`, with `or` and
            `and` before lists, whose values mean exactly what they are; the same as JSON text; or a list,
            all of which hold.

    Raises:
        QueryError: it is none of these, or larger than databases take.
    """
    # Looked at from outside first, since reading it goes as deep as it does.
    if _depth(where) > _DEEPEST:
        raise QueryError(f"a filter is nested {_DEEPEST} deep at most", hint="say it with fewer brackets")
    parsed = _parsed(where)
    if _conditions(parsed) > _MOST:
        raise QueryError(f"a filter has at most {_MOST} conditions", hint="ask in several parts")
    return parsed


_DEEPEST = 16
_MOST = 400
"""SQLite takes expressions of up to 1000 parts, and each condition becomes one or two."""


def _depth(where: object) -> int:
    deepest, left = 0, [(where, 1)]
    while left and deepest <= _DEEPEST:
        part, depth = left.pop()
        deepest = max(deepest, depth)
        if isinstance(part, Mapping):
            left += [(inner, depth + 1) for inner in part.values()]
        elif isinstance(part, Sequence) and not isinstance(part, str):
            left += [(inner, depth + 1) for inner in part]
        elif isinstance(part, And | Or | Not):
            left += [(inner, depth + 1) for inner in _inner(part)]
    return deepest


def _conditions(where: Filter) -> int:
    count, left = 0, [where]
    while left:
        part = left.pop()
        count += 1
        left += _inner(part)
    return count


def _inner(where: Filter) -> tuple[Filter, ...]:
    match where:
        case And() | Or():
            return where.parts
        case Not():
            return (where.part,)
    return ()


def _parsed(where: object) -> Filter:
    if isinstance(where, Compare | Exists | And | Or | Not):
        return where
    if isinstance(where, str):
        return _from_json(where) if where.lstrip().startswith(("{", "[")) else _from_text(where)
    if isinstance(where, Mapping):
        return _all([_from_entry(key, value) for key, value in where.items()])
    if isinstance(where, Sequence):
        return _all([_parsed(part) for part in where])
    raise QueryError(f"{where!r} is not a filter", hint=f"such as {_FORMS}")


def fields(where: Filter) -> frozenset[str]:
    """The names of all fields that a filter asks for."""
    match where:
        case Compare() | Exists():
            return frozenset([where.field])
        case Not():
            return fields(where.part)
        case And() | Or():
            return frozenset[str]().union(*(fields(part) for part in where.parts))


def _all(parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _any(parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _from_json(text: str) -> Filter:
    try:
        return parse_filter(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise QueryError(
            f"the filter {text[:200]!r} is not JSON: {error}", hint=f"filters: {_FORMS}"
        ) from None


def _from_text(text: str) -> Filter:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise QueryError(f"can't understand the filter {text!r}", hint=f"filters: {_FORMS}")
    field, operator, value = _unquoted(match["field"]), match["operator"] or match["word"], match["value"]
    if operator == "exists":
        if value.strip():
            raise QueryError(f"in the filter {text!r} nothing may follow 'exists'", hint=f"filters: {_FORMS}")
        return Exists(field)
    if not value.strip():
        raise QueryError(f"the filter {text!r} has no value", hint=f'for the empty text: {field}=""')
    if operator == "in":
        return _any([_untyped(field, "=", part) for part in _PARTS.findall(value)])
    if operator == "prefix":
        return _checked(field, "prefix", _unquoted(value))
    if operator == "!=":
        return Not(_untyped(field, "=", value))
    return _untyped(field, operator, value)


_PARTS = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|[^,]+)\s*""")


def _untyped(field: str, operator: str, written: str) -> Filter:
    """What is typed in has no type: `2020` is met by the number and by the text."""
    text = _unquoted(written)
    parts: list[Filter] = [_checked(field, operator, text)]
    if text == written.strip():
        typed = _literal(text)
        has_order = isinstance(typed, int | float) and not isinstance(typed, bool)
        if has_order or (operator == "=" and not isinstance(typed, str)):
            parts.append(_checked(field, operator, typed))
    return _any(parts)


def _literal(text: str) -> Value:
    if text in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text]
    if _NUMBER.fullmatch(text):
        return float(text) if _FRACTION.search(text) else int(text)
    return text


_NUMBER = re.compile(r"[+-]?(?:\d{1,300}(?:\.\d{0,300})?|\.\d{1,300})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_FRACTION = re.compile(r"[.eE]")


def _unquoted(written: str) -> str:
    written = written.strip()
    if len(written) >= 2 and written[0] == written[-1] == '"':
        return re.sub(r"\\(.)", r"\1", written[1:-1], flags=re.DOTALL)
    return written


def _from_entry(key: object, value: object) -> Filter:
    if not isinstance(key, str):
        raise QueryError(f"{key!r} is not the name of a field", hint="names are texts")
    if key == "not":
        return Not(_parsed(value))
    if key in ("and", "or"):
        if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
            raise QueryError(f"{key!r} stands before a list of filters", hint='such as {"or": [{…}, {…}]}')
        parts = tuple(_parsed(part) for part in value)
        return And(parts) if key == "and" else Or(parts)
    if isinstance(value, Mapping):
        return _all([_from_operator(key, operator, operand) for operator, operand in value.items()])
    return _from_operator(
        key, "=" if isinstance(value, str) or not isinstance(value, Sequence) else "in", value
    )


def _from_operator(field: str, operator: object, value: object) -> Filter:
    match operator:
        case "!=":
            return Not(_checked(field, "=", value))
        case "in":
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise QueryError(f"{field!r}: 'in' needs a list", hint='such as {"in": ["de", "fr"]}')
            return _any([_checked(field, "=", part) for part in value])
        case "exists":
            if not isinstance(value, bool):
                raise QueryError(f"{field!r}: 'exists' is true or false", hint='such as {"exists": true}')
            return Exists(field) if value else Not(Exists(field))
        case str():
            return _checked(field, operator, value)
    raise QueryError(f"{field!r}: {operator!r} is not an operator", hint=f"operators: {_KNOWN}")


_KNOWN = "=, !=, <, <=, >, >=, in, prefix, exists"


def _checked(field: str, operator: str, value: object) -> Filter:
    if operator not in _OPERATORS:
        raise QueryError(f"{field!r}: {operator!r} is not an operator", hint=f"operators: {_KNOWN}")
    if not isinstance(value, str | int | float | None):
        raise QueryError(
            f"{field!r}: can't compare with {value!r}", hint="a text, a number, true, false or null"
        )
    if operator == "prefix" and not isinstance(value, str):
        raise QueryError(f"{field!r}: only a text can be a prefix, not {value!r}", hint='put it in "…"')
    if operator not in ("=", "prefix") and (value is None or isinstance(value, bool)):
        raise QueryError(f"{field!r}: {value!r} has no order", hint="= and != compare it")
    for text in (field, value):
        if isinstance(text, str) and any(0xD800 <= ord(c) <= 0xDFFF or not ord(c) for c in text):
            raise QueryError(f"{text!r} holds NUL or half of a surrogate pair", hint="type it anew, as UTF-8")
    if field == "path":
        return _below(operator, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = _storable(field, value)
    return Compare(field, operator, value)


def _storable(field: str, value: float) -> float:
    """The number, as a float where it is an integer of more than the 64 bits that a database compares."""
    try:
        if math.isfinite(value):
            return value if -(2**63) <= value < 2**63 else float(value)
    except OverflowError:
        pass
    raise QueryError(f"{field!r}: not a number to compare with", hint="leave the bound out")


def _below(operator: str, value: object) -> Filter:
    """The file, what is in the folder, or what came out of the archive at a path."""
    if not isinstance(value, str) or operator not in ("=", "prefix"):
        raise QueryError("'path' is compared by = or prefix with a text", hint="such as path=docs/2024")
    try:
        uri = Path(value).expanduser().absolute().as_uri()
    except RuntimeError:
        raise QueryError(
            f"{value!r} begins with somebody's folder who isn't here", hint="write the path out"
        ) from None
    if operator == "prefix":
        return Compare("uri", "prefix", uri)
    inside = tuple(Compare("uri", "prefix", f"{uri.rstrip('/')}{end}") for end in ("/", "!/"))
    return Or((Compare("uri", "=", uri), *inside))
