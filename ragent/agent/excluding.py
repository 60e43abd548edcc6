"""Takes calls out of a tool's schema: what is left allows none of them, though perhaps not all others.

Grammars have no "not", so the rest is told by what it is. A call differs from given ones if one of its
arguments differs from theirs: for each argument that this can be said of, there is an alternative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragent.agent.plain import canonical

_REMARKS = {"title", "description", "default", "examples"}
_OBJECT = {"type", "properties", "required", "additionalProperties", "$defs", *_REMARKS}
_DEEPEST = 24
_MOST_ARGUMENTS = 8
_ESCAPED = {'"', "\\", "\x7f", *map(chr, range(32))}
# What needs no escape in JSON: classes that leave out what does can't be enforced.
_PLAIN = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E), (0x80, 0xD7FF), (0xE000, 0x10FFFF))


def without(schema: Mapping[str, Any], calls: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Schemas that together allow arguments other than these; none where that can't be told.

    Any of them may be empty, where its argument can have no other value.
    """
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, dict) or schema.keys() - _OBJECT:
        return []
    return [
        variant for name in list(properties)[:_MOST_ARGUMENTS] for variant in _differing(schema, name, calls)
    ]


def _differing(
    schema: Mapping[str, Any], name: str, calls: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Variants of the schema, in each of which this argument is another than in every call."""
    properties, required = schema["properties"], list(schema.get("required", ()))
    given = [call[name] for call in calls if name in call]
    variants = []
    if others := _unlike(properties[name], given):
        told = others[0] if len(others) == 1 else {"anyOf": others}
        named = {"properties": {**properties, name: told}, "required": list(dict.fromkeys([*required, name]))}
        variants.append({**schema, **named})
    if name not in required and len(given) == len(calls):
        left = {key: part for key, part in properties.items() if key != name}
        variants.append({**schema, "properties": left, "additionalProperties": False})
    return variants


def _unlike(schema: Any, values: Sequence[Any]) -> list[dict[str, Any]]:
    """Schemas that allow what `schema` does, but none of these values; none where that can't be told."""
    if not isinstance(schema, dict):
        return []
    keys = schema.keys() - _REMARKS
    if keys == {"anyOf"}:
        return [other for branch in schema["anyOf"] for other in _unlike(branch, values)]
    listed = _listed(schema)
    if listed is not None:
        known = {canonical(value) for value in values}
        left = [value for value in listed if canonical(value) not in known]
        return [{"enum": left}] if left else []
    return _unlike_of_kind(schema, keys, values)


def _unlike_of_kind(schema: Mapping[str, Any], keys: set[str], values: Sequence[Any]) -> list[dict[str, Any]]:
    kind = schema.get("type")
    same = [value for value in values if _is_kind(value, kind)]
    if isinstance(kind, str) and not same:
        return [dict(schema)]
    if kind == "integer" and keys <= {"type", "minimum", "maximum"}:
        return _between(schema, sorted({int(value) for value in same}))
    if kind == "string" and keys <= {"type", "minLength", "maxLength"}:
        pattern = _others(set(same), _DEEPEST)
        return [{**schema, "pattern": f"^{pattern}$"}] if pattern else []
    return []


def _listed(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    if isinstance(schema.get("enum"), list):
        return list(schema["enum"])
    return [True, False] if schema.get("type") == "boolean" else None


def _is_kind(value: Any, kind: object) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int | float):
        return kind == "number" or (kind == "integer" and float(value).is_integer())
    names = {str: "string", list: "array", dict: "object", type(None): "null"}
    return names.get(type(value)) == kind


def _between(schema: Mapping[str, Any], taken: Sequence[int]) -> list[dict[str, Any]]:
    """The stretches between whole numbers that are taken."""
    found = []
    low = schema.get("minimum")
    for number in [*taken, None]:
        high = schema.get("maximum") if number is None else number - 1
        if low is None or high is None or low <= high:
            bounds = {"minimum": low, "maximum": high}
            found.append(
                {"type": "integer", **{key: bound for key, bound in bounds.items() if bound is not None}}
            )
        low = low if number is None else number + 1
    return found


def _others(words: set[str], left: int) -> str:
    """A regular expression of texts that are none of these words, "" where there is none.

    Beyond `left` characters that are a word's own, whatever follows counts as the word.
    """
    heads = sorted({word[0] for word in words if word})
    if left == 0:
        return ""
    parts = [_any_but(heads) + r"[\s\S]*" if heads else r"[\s\S]+"]
    for head in heads:
        rest = {word[1:] for word in words if word.startswith(head)}
        if head not in _ESCAPED and (others := _others(rest, left - 1)):
            parts.append(_escape(head) + others)
    return f"(?:{'|'.join(parts)})" + ("" if "" in words else "?")


def _any_but(heads: Sequence[str]) -> str:
    if not _ESCAPED & set(heads):
        return f"[^{''.join(map(_escape, heads))}]"
    taken = {ord(head) for head in heads}
    ranges = []
    for low, high in _PLAIN:
        start = low
        for point in sorted(point for point in taken if low <= point <= high):
            ranges.append((start, point - 1))
            start = point + 1
        ranges.append((start, high))
    told = (f"{_escape(chr(low))}-{_escape(chr(high))}" for low, high in ranges if low <= high)
    return f"[{''.join(told)}]"


def _escape(character: str) -> str:
    point = ord(character)
    if character.isascii() and character.isalnum():
        return character
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
