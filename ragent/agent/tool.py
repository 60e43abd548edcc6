"""How a typed function becomes a tool."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_type_hints, overload

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, create_model

from ragent.errors import ConfigError, ToolError
from ragent.types import Tool as Tool
from ragent.types import ToolResult as ToolResult

_SECTION = re.compile(r"^(Args|Arguments|Returns|Raises|Yields|Examples?|Note):\s*$", re.MULTILINE)
_ARGUMENT = re.compile(r"^ +\*{0,2}(\w+)(?: \([^)]*\))?: *(.*(?:\n {8,}.*)*)", re.MULTILINE)


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *, name: str = "", side_effects: bool = False, pure: bool = False, tainted: bool = False
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str = "",
    side_effects: bool = False,
    pure: bool = False,
    tainted: bool = False,
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a typed function a tool, with or without options.

    Its annotations become the schema of the arguments, its docstring the descriptions (of arguments, too, in
    an `Args:` section). What it returns is shown to the model as text, or else as JSON; a ToolResult says
    more. A ToolError that it raises is shown to the model.

    Args:
        function: without `*args`, `**kwargs` and arguments that can only be given by place.
        name: instead of the function's own.
        side_effects: whether it changes anything outside the run.
        pure: whether calls may run beside each other, and equal ones give equal results.
        tainted: whether its results were written by somebody else than the user.

    Raises:
        ConfigError: the function's signature can't be told in a schema.
    """

    def make(function: Callable[..., Any]) -> Tool:
        arguments = _arguments(function)

        def run(given: Mapping[str, Any]) -> ToolResult:
            try:
                valid = arguments.validate_python(dict(given))
            except ValidationError as error:
                raise ToolError(f"the arguments don't fit: {error}", tainted=False) from None
            result = function(**{field: getattr(valid, field) for field in type(valid).model_fields})
            return result if isinstance(result, ToolResult) else ToolResult(_text(result), tainted)

        return Tool(
            name or function.__name__,
            _summary(function),
            _schema(arguments),
            run,
            side_effects=side_effects,
            pure=pure,
        )

    return make(function) if function else make


def _arguments(function: Callable[..., Any]) -> TypeAdapter[Any]:
    """A validator of the function's arguments."""
    try:
        hints = get_type_hints(function, include_extras=True)
        signature = inspect.signature(function)
    except (NameError, TypeError, ValueError) as error:
        raise ConfigError(f"{function!r} can't be a tool: {error}") from None
    descriptions = _descriptions(function)
    fields: dict[str, Any] = {}
    for parameter in signature.parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ConfigError(
                f"{function.__name__} can't be a tool: {parameter} has no name", hint="name each argument"
            )
        if parameter.name not in hints:
            raise ConfigError(
                f"{function.__name__} can't be a tool: {parameter.name} has no type", hint="annotate it"
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        told = Field(description=descriptions.get(parameter.name))
        fields[parameter.name] = (Annotated[hints[parameter.name], told], default)
    strict = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
    try:
        return TypeAdapter(create_model(function.__name__, __config__=strict, **fields))
    except Exception as error:  # pydantic's errors about types have no common base
        raise ConfigError(f"{function.__name__} can't be a tool: {error}") from None


def _schema(arguments: TypeAdapter[Any]) -> Mapping[str, Any]:
    schema = arguments.json_schema()
    return {key: value for key, value in schema.items() if key != "title"}


def _summary(function: Callable[..., Any]) -> str:
    """The docstring, without its sections."""
    return _SECTION.split(inspect.getdoc(function) or "")[0].strip()


def _descriptions(function: Callable[..., Any]) -> dict[str, str]:
    """What the docstring says of each argument."""
    parts = _SECTION.split(inspect.getdoc(function) or "")
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    text = sections.get("Args") or sections.get("Arguments") or ""
    return {name: " ".join(words.split()) for name, words in _ARGUMENT.findall(text)}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(TypeAdapter(type(value)).dump_python(value, mode="json"), ensure_ascii=False)
    except Exception:  # pydantic has no common base either for what it can't write down
        return str(value)
