"""Checks a JSON Schema before any engine sees it, and answers questions about it. Nothing is ever fetched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from jsonschema.exceptions import SchemaError as InvalidSchema
from jsonschema.validators import Draft202012Validator, validator_for

from ragent.errors import SchemaError

DEEPEST = 64
LARGEST = 1_000_000
_LAYERED = frozenset(
    {
        "allOf",
        "if",
        "not",
        "dependencies",
        "dependentSchemas",
        "unevaluatedProperties",
        "$dynamicRef",
        "$recursiveRef",
    }
)
_REFERRING = frozenset({"anyOf", "oneOf", "$ref"})
_DATA = frozenset({"const", "enum", "default", "examples", "example"})


def check_schema(schema: Any, size: int) -> None:
    """Refuse what no engine should be given.

    Args:
        schema: the schema.
        size: of its text, in characters.

    Raises:
        SchemaError: it is too large or too deep, isn't a valid schema, refers to another document or to
            itself without end, or allows nothing.
    """
    if size > LARGEST:
        raise SchemaError(f"the schema has {size} characters; {LARGEST} are the most")
    if schema is False:
        raise SchemaError("nothing satisfies the schema `false`", path="#")
    if not isinstance(schema, dict | bool):
        raise SchemaError(f"a schema is an object, not {type(schema).__name__}", path="#")
    for path, depth, _ in _nodes(schema):
        if depth > DEEPEST:
            raise SchemaError(f"the schema is nested deeper than {DEEPEST} levels", path=path[:80])
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except InvalidSchema as error:
        raise SchemaError(
            f"not a valid JSON Schema: {short(error.message)}", path=pointer(error.path)
        ) from None
    except RecursionError:
        raise SchemaError("the schema is nested too deep") from None
    _check_finite(schema)


def patterns_of(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every subschema that has a `pattern`, with its path."""
    for path, _, node in _nodes(schema):
        if isinstance(node, dict) and isinstance(node.get("pattern"), str):
            yield path, node


def places_of(schema: Any, keyword: str) -> list[str]:
    """The paths of a keyword."""
    return [
        f"{path}/{keyword}" for path, _, node in _nodes(schema) if isinstance(node, dict) and keyword in node
    ]


def largest(schema: Any, keyword: str) -> int:
    """The largest value of a keyword that takes a number; 0 where it doesn't occur."""
    values = [node[keyword] for _, _, node in _nodes(schema) if isinstance(node, dict) and keyword in node]
    return max((value for value in values if isinstance(value, int)), default=0)


def required_keys(schema: Any, most: int = 200) -> list[str]:
    """The names in all `required`, without repeats, in the order of the schema."""
    found: dict[str, None] = {}
    for _, _, node in _nodes(schema):
        if isinstance(node, dict) and isinstance(node.get("required"), list):
            found.update((name, None) for name in node["required"] if isinstance(name, str))
    return list(found)[:most]


def can_close(schema: Any) -> bool:
    """Whether the members that each part of a schema declares are all that it can be about.

    Where parts are laid over one another, what one declares is undeclared in the other.
    """
    for _, _, node in _nodes(schema):
        if isinstance(node, dict) and (
            _LAYERED & node.keys() or ("properties" in node and _REFERRING & node.keys())
        ):
            return False
    return True


def close_objects(schema: Any) -> Any:
    """The schema without undeclared members, where it declares any: it allows no more than before."""
    if isinstance(schema, list):
        return [close_objects(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: part if key in _DATA else close_objects(part) for key, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "patternProperties" not in schema:
        closed.setdefault("additionalProperties", False)
    return closed


def _nodes(schema: Any) -> Iterator[tuple[str, int, Any]]:
    """Every part of a schema that isn't data: path, depth, part."""
    queue: list[tuple[str, int, Any]] = [("#", 0, schema)]
    while queue:
        path, depth, node = queue.pop()
        yield path, depth, node
        if depth > DEEPEST:
            continue
        if isinstance(node, dict):
            children = [(key, value) for key, value in node.items() if key not in _DATA]
        else:
            children = [(str(at), value) for at, value in enumerate(node)] if isinstance(node, list) else []
        queue += [
            (f"{path}/{_escaped(key)}", depth + 1, value)
            for key, value in reversed(children)
            if isinstance(value, dict | list)
        ]


class _Finite:
    """Finds what can't be satisfied because it holds itself: a least fixed point over what must be there."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._known: set[int] = set()
        self._open: set[int] = set()

    def check(self, node: Any) -> bool:
        """Whether some finite value may satisfy this part. Raises RecursionError for a very long chain."""
        if not isinstance(node, dict) or id(node) in self._known:
            return True
        if id(node) in self._open:
            return False
        self._open.add(id(node))
        finite = all(map(self.check, self._needed(node))) and all(
            any(map(self.check, node[choice]))
            for choice in ("anyOf", "oneOf")
            if isinstance(node.get(choice), list) and node[choice]
        )
        self._open.discard(id(node))
        if finite:
            self._known.add(id(node))
        return finite

    def _needed(self, node: dict[str, Any]) -> Iterator[Any]:
        if isinstance(node.get("$ref"), str):
            yield _target(self._schema, node["$ref"])
        if isinstance(node.get("allOf"), list):
            yield from node["allOf"]
        kinds = node.get("type")
        if kinds == "object" and isinstance(node.get("properties"), dict):
            yield from (node["properties"].get(name) for name in node.get("required", ()))
        if kinds == "array" and node.get("minItems", 0):
            yield node.get("items")


def _check_finite(schema: Any) -> None:
    try:
        finite = _Finite(schema).check(schema)
    except RecursionError:
        raise SchemaError("the schema's references make too long a chain", path="#") from None
    if not finite:
        raise SchemaError(
            "nothing finite satisfies the schema: by $ref, a part of it must hold itself", path="#"
        )


def pattern_properties(schema: Any) -> int:
    """How many patterns for names of properties there are."""
    return sum(
        len(node["patternProperties"])
        for _, _, node in _nodes(schema)
        if isinstance(node, dict) and isinstance(node.get("patternProperties"), dict)
    )


def _target(schema: Any, reference: str) -> dict[str, Any] | None:
    """What a pointer within this document leads to; None for other references, which the engine resolves."""
    if not reference.startswith("#"):
        return None
    node = schema
    for part in filter(None, unquote(reference[1:]).split("/")):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
            node = node[int(key)]
        else:
            return None
    return node if isinstance(node, dict) else None


def short(message: str) -> str:
    """A message that may quote a whole document, cut in its middle."""
    return message if len(message) <= 200 else f"{message[:100]} … {message[-100:]}"


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def pointer(path: Any) -> str:
    """The JSON pointer of a path of keys and positions."""
    return "/".join(["#", *(_escaped(str(part)) for part in path)])
