"""From a Python type, a schema or an outlines term to a form, and from the text back to a value."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from ragent.errors import SchemaError
from ragent.types import Form


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be generated.

    `schema` is the JSON Schema of a JSON form, else None. `read` turns a text of that form into a value, and
    raises ValueError where the type has conditions of its own that the text doesn't meet.
    """

    form: Form
    schema: Any
    read: Callable[[str], Any]


def target_of(wanted: Any) -> Target:
    """Understand what a caller wants.

    Args:
        wanted: a JSON Schema (dict, bool or its text in `outlines.types.JsonSchema`), a `Form`, a type that
            pydantic knows (models, dataclasses, TypedDict, enums, Literal, list[int], ...), or a term of
            outlines (`Regex`, `CFG`, `integer`, `either(...)`).

    Raises:
        SchemaError: pydantic or outlines can't say what the type looks like.
    """
    if isinstance(wanted, Form):
        return _plain(wanted)
    if isinstance(wanted, Mapping | bool):
        return _json(wanted)
    return _term(wanted) if _is_term(wanted) else _typed(wanted)


def _plain(form: Form) -> Target:
    if form.kind != "json":
        return Target(form, None, str)
    try:
        return _json(json.loads(form.text))
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"the schema is not JSON: {error}") from None


def _json(schema: Any) -> Target:
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False, default=_listed)
    except (TypeError, ValueError, RecursionError) as error:
        raise SchemaError(f"the schema is not JSON: {error}") from None
    return Target(Form("json", text), schema, json.loads)


def _typed(wanted: Any) -> Target:
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(wanted)
        schema = adapter.json_schema()
    except (PydanticUserError, TypeError, NameError) as error:
        raise SchemaError(
            f"can't tell what {wanted!r} looks like: {str(error).splitlines()[0]}",
            hint="give a pydantic model, dataclass, TypedDict, enum, Literal, JSON Schema or outlines term",
        ) from error

    def read(text: str) -> Any:
        try:
            return adapter.validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = "/".join(str(part) for part in first["loc"])
            raise ValueError(f"#/{place}: {first['msg']}") from None

    return Target(Form("json", json.dumps(schema, ensure_ascii=False)), schema, read)


def _is_term(wanted: Any) -> bool:
    # outlines takes half a second to load, so it is asked only about its own things.
    return type(wanted).__module__.startswith("outlines.")


def _term(wanted: Any) -> Target:
    from outlines.types.dsl import CFG, JsonSchema, to_regex

    if isinstance(wanted, JsonSchema):
        return _plain(Form("json", wanted.schema))
    if isinstance(wanted, CFG):
        return _plain(Form("grammar", wanted.definition))
    try:
        return _plain(Form("regex", to_regex(wanted)))
    except (TypeError, ValueError, NotImplementedError) as error:
        raise SchemaError(f"outlines can't make a regular expression of {wanted!r}: {error}") from error


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
