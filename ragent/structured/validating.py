"""Checks values against a JSON Schema. Nothing is ever fetched, and no pattern runs for ever."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import regex
from jsonschema import ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import Draft202012Validator, extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from ragent.errors import SchemaError
from ragent.structured.schemas import pointer, short

_PATTERN_SECONDS = 1.0


def problem_of(schema: Any, value: Any) -> str:
    """Why a value doesn't satisfy a schema, or "" if it does.

    Raises:
        SchemaError: a reference leads nowhere, or a pattern takes longer than a second.
    """
    kind = _bounded(validator_for(schema, default=Draft202012Validator))
    validator = kind(schema, format_checker=kind.FORMAT_CHECKER, registry=Registry())
    try:
        error = best_match(validator.iter_errors(value))
    except Unresolvable as unresolved:
        raise SchemaError(f"a reference leads nowhere: {unresolved}") from None
    except RecursionError:
        raise SchemaError("the schema refers to itself without end") from None
    return f"{pointer(error.absolute_path)}: {short(error.message)} ({error.validator})" if error else ""


@cache
def _bounded(kind: Any) -> Any:
    """A validator whose patterns can't run for ever: Python's own `re` can't be stopped."""
    bounded = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    return extend(kind, bounded)


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _found(pattern, instance):
        yield ValidationError(f"{instance[:100]!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: dict[str, Any], instance: Any, _: Any
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for pattern, subschema in patterns.items():
        for key, value in instance.items():
            if _found(pattern, key):
                yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _additional_properties(
    validator: Any, subschema: Any, instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, value in instance.items():
        if key in known or any(_found(pattern, key) for pattern in patterns):
            continue
        if subschema is False:
            yield ValidationError(f"the property {key!r} is not allowed")
        else:
            yield from validator.descend(value, subschema, path=key)


def _found(pattern: str, text: str) -> bool:
    try:
        return regex.search(pattern, text, timeout=_PATTERN_SECONDS) is not None
    except regex.error as error:
        raise SchemaError(f"the pattern {pattern!r} is not valid: {error}") from None
    except TimeoutError:
        raise SchemaError(f"the pattern {pattern!r} takes too long to check") from None
