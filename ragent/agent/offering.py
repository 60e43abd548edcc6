"""What a step may be, as a JSON Schema: a thought, then a call of a tool, several calls, or an answer.

The schema holds while the model writes, so that a step can't be malformed. What is read is checked again: a
server may promise what it doesn't keep, and some keywords can't be enforced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ragent.agent.excluding import without
from ragent.agent.plain import as_json, canonical, read_json
from ragent.agent.run import Call
from ragent.errors import ConfigError, SchemaError
from ragent.structured import FormConstraint, Target, constrain, target_of
from ragent.structured.validating import problem_of
from ragent.types import Form, Tool

THOUGHT_CHARS = 400
MOST_AT_ONCE = 4
LONGEST_STEP = 200_000
"""Characters. No model's step is longer; what a broken server sends may be."""

_DATA = frozenset({"const", "enum", "default", "examples", "example"})
_ANYTHING: dict[str, Any] = {"type": "object"}


@dataclass(frozen=True, slots=True)
class Acted:
    """What a model did in a step: it asked for calls, or gave an answer, or neither, and `problem` says why.

    `value` is the answer as JSON, `answer` in the form that was asked for.
    """

    thought: str = ""
    calls: tuple[Call, ...] = ()
    is_answer: bool = False
    value: Any = None
    answer: Any = None
    problem: str = ""


@dataclass(frozen=True)
class Offering:
    """The tools of a step, without the calls that may not be made again, and the form of an answer.

    Attributes:
        tools: all that the agent has, by name.
        answer: what an answer is.
        taken_out: calls that may not be made.
        only_answer: whether no tool is offered at all.
        penalty: for repeating words, while the model writes.
    """

    tools: Mapping[str, Tool]
    answer: Target
    taken_out: tuple[Call, ...] = ()
    only_answer: bool = False
    penalty: float = 1.0

    @cached_property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """For each tool on offer, the schema of the arguments that it may be called with."""
        offered = (
            {} if self.only_answer else {tool.name: self._parameters(tool) for tool in self.tools.values()}
        )
        return {name: schema for name, schema in offered.items() if schema is not None}

    @property
    def answers_freely(self) -> bool:
        """Whether any text is an answer."""
        return bool(self.answer.schema == {"type": "string"})

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of a step."""
        places = {name: f"tool{number}" for number, name in enumerate(self.parameters)}
        parts = {places[name]: _moved(schema, places[name]) for name, schema in self.parameters.items()}
        answer = _closed({"answer": {"$ref": "#/$defs/answer"}})
        calls = {name: _call(name, place) for name, place in places.items()}
        pure = [calls[name] for name in calls if self.tools[name].pure]
        together = {"type": "array", "items": {"anyOf": pure}, "minItems": 2, "maxItems": MOST_AT_ONCE}
        action = {"anyOf": [*calls.values(), *([together] if pure else []), answer]}
        thought = {"type": "string", "maxLength": THOUGHT_CHARS}
        return {
            **_closed({"thought": thought, "action": action}),
            "$defs": {**parts, "answer": _moved(self.answer.schema, "answer")},
        }

    @cached_property
    def constraint(self) -> FormConstraint:
        """What holds a model to it. Raises SchemaError."""
        return _constraint(target_of(self.schema).form, self.penalty)

    def read(self, text: str) -> Acted:
        """What a model wrote, checked."""
        if len(text) > LONGEST_STEP:
            return Acted(problem=f"the step is {len(text)} characters long; {LONGEST_STEP} are the most")
        try:
            step = read_json(text)
        except ValueError as error:
            return Acted(problem=f"the step is not complete JSON: {error}")
        if not isinstance(step, dict) or not isinstance(step.get("thought"), str):
            return Acted(problem="the step is not an object with a thought and an action")
        action = step.get("action")
        if isinstance(action, dict) and "answer" in action:
            return self.answered(step["thought"], action["answer"])
        wanted = action if isinstance(action, list) else [action]
        asked = [(call.get("tool"), call.get("arguments")) for call in wanted if isinstance(call, dict)]
        if not asked or len(asked) < len(wanted):
            return Acted(step["thought"], problem="the action is neither a call nor an answer")
        return self.asked(step["thought"], asked)

    def answered(self, thought: str, value: Any) -> Acted:
        """An answer, checked. `value` is JSON."""
        try:
            problem = problem_of(self.answer.schema, value)
            answer = None if problem else self.answer.read(as_json(value))
        except (SchemaError, ValueError, RecursionError) as error:
            problem = str(error)
        if problem:
            return Acted(thought, problem=f"the answer doesn't have the form asked for: {problem}")
        return Acted(thought, is_answer=True, value=value, answer=answer)

    def asked(self, thought: str, calls: Sequence[tuple[Any, Any]]) -> Acted:
        """Calls as (tool, arguments), checked; equal ones are one."""
        checked: dict[str, Call] = {}
        for name, arguments in calls:
            if problem := self._problem(name, arguments, alone=len(calls) == 1):
                return Acted(thought, problem=problem)
            checked[key_of(name, arguments)] = Call(name, arguments)
        if len(checked) > MOST_AT_ONCE:
            return Acted(thought, problem=f"at most {MOST_AT_ONCE} calls can be made at once")
        return Acted(thought, tuple(checked.values()))

    def _problem(self, name: Any, arguments: Any, *, alone: bool) -> str:
        if not isinstance(name, str) or name not in self.parameters:
            offered = ", ".join(self.parameters) or "none is left, so answer"
            return f"no tool {as_json(name)[:80]} is on offer; there are: {offered}"
        if not isinstance(arguments, dict):
            return f"the arguments of {name} are not an object"
        if not alone and not self.tools[name].pure:
            return f"{name} can't be called together with others"
        if key_of(name, arguments) in self._taken_out:
            return f"{name} was called like this before, with the same result: do something else"
        try:
            problem = problem_of(self.tools[name].parameters, arguments)
        except (SchemaError, RecursionError) as error:
            problem = str(error)
        return f"the arguments of {name} don't fit its schema: {problem}" if problem else ""

    @cached_property
    def _taken_out(self) -> frozenset[str]:
        return frozenset(key_of(call.tool, call.arguments) for call in self.taken_out)

    def _parameters(self, tool: Tool) -> Mapping[str, Any] | None:
        excluded = [call.arguments for call in self.taken_out if call.tool == tool.name]
        if not excluded:
            return tool.parameters if _is_enforceable(tool.parameters) else _ANYTHING
        variants = [schema for schema in without(tool.parameters, excluded) if _is_enforceable(schema)]
        # What they refer to is found at the root alone.
        shared = {"$defs": variants[0]["$defs"]} if variants and "$defs" in variants[0] else {}
        return {**shared, "anyOf": variants} if variants else None


def key_of(tool: str, arguments: Mapping[str, Any]) -> str:
    """Equal for equal calls only."""
    return f"{tool} {canonical(arguments)}"


def by_name(tools: Sequence[Tool]) -> dict[str, Tool]:
    """The tools by their names. Raises ConfigError if two have the same."""
    named = {tool.name: tool for tool in tools}
    if len(named) < len(tools):
        names = [tool.name for tool in tools]
        twice = ", ".join(sorted({name for name in names if names.count(name) > 1}))
        raise ConfigError(
            f"two tools have the same name: {twice}", hint="give @tool(name=...) to one of them"
        )
    return named


def answer_target(wanted: Any) -> Target:
    """The form of an answer. Raises SchemaError if it isn't JSON, or can't be enforced."""
    target = target_of(wanted)
    if target.form.kind != "json":
        raise SchemaError("an agent's answer is JSON", hint='{"type": "string", "pattern": ...} is, too')
    constrain(target)
    return target


@lru_cache(maxsize=256)
def _constraint(form: Form, penalty: float) -> FormConstraint:
    """Prepared once: it takes longer than anything else in a step but the model."""
    return constrain(target_of(form), penalty=penalty)


def _is_enforceable(schema: Mapping[str, Any]) -> bool:
    """Whether the engine can follow a schema. What it can't is checked afterwards."""
    try:
        _constraint(target_of(dict(schema)).form, 1.0)
    except SchemaError:
        return False
    return True


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _call(name: str, place: str) -> dict[str, Any]:
    return _closed({"tool": {"const": name}, "arguments": {"$ref": f"#/$defs/{place}"}})


def _moved(schema: Any, place: str) -> Any:
    """A schema that stands at `#/$defs/place` of another: what it refers to within itself is there, too."""
    if isinstance(schema, list):
        return [_moved(part, place) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    moved = {
        key: part if key in _DATA else _moved(part, place)
        for key, part in schema.items()
        if key not in ("$id", "$schema")
    }
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        moved["$ref"] = f"#/$defs/{place}{reference[1:]}"
    return moved
