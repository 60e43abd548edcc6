"""Measures how well a model calls functions, on sets in the Berkeley leaderboard's layout.

One call a request is decoded under the grammar of the functions that are offered, so each names one of them
and has arguments that are valid: both are measured all the same. Whether the call is the right one is
decided as the leaderboard does (`calls`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jsonschema import Draft202012Validator

from ragent.agent.likeness import likest_first
from ragent.agent.offering import Offering, answer_target, by_name
from ragent.errors import EvalError, MalformedOutput, ToolError
from ragent.prompts import PromptTemplate, load_prompt
from ragent.protocols import LLM
from ragent.structured import generate
from ragent.types import Sampling, Tool, ToolResult, Usage
from ragent_evals.agents.calls import Alternatives, problem_of_call
from ragent_evals.estimates import Estimate, estimates

METRICS = ("named", "valid", "tool", "call")
_FORM = (
    'lines {"id", "question": [[{"role", "content"}]], "function": [...], '
    '"ground_truth": [{name: {argument: [...]}}]}'
)
_TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
_KEPT = frozenset({"type", "description", "enum", "items", "properties", "required", "minimum", "maximum"})
_MAX_TOKENS = 256


@dataclass(frozen=True, slots=True)
class CallCase:
    """A request, the functions offered for it, and the arguments expected of the right one (by its name)."""

    id: str
    request: str
    functions: tuple[Mapping[str, Any], ...]
    expected: Mapping[str, Mapping[str, Alternatives]]


@dataclass(frozen=True, slots=True)
class CallSet:
    """A file of cases."""

    name: str
    cases: tuple[CallCase, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked for. With `may_decline`, it can say something instead of making a call."""

    text: str
    functions: tuple[Mapping[str, Any], ...]
    may_decline: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A call as [{"name", "arguments"}]; none where the model declined, or failed, which `problem` tells."""

    text: str
    calls: tuple[Mapping[str, Any], ...] = ()
    problem: str = ""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Called:
    """What the model made of a case.

    Attributes:
        id: of the case.
        text: as it wrote it.
        named: whether it names a function that was offered.
        valid: whether the arguments obey that function's schema.
        tool: whether it is the right function.
        call: whether it is the right call, arguments and all.
        problem: why it is not; "" if it is.
    """

    id: str
    text: str
    named: bool = False
    valid: bool = False
    tool: bool = False
    call: bool = False
    problem: str = ""


def read_calls(path: Path) -> CallSet:
    """Read a set: JSON Lines with one request, the functions on offer and one expected call each.

    Raises:
        EvalError: it isn't there, or not of that form.
    """
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        cases = tuple(map(_case, lines))
    except OSError as error:
        raise EvalError(f"can't read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise EvalError(f"{path} is no set of function calls: {error!r}", hint=f"it holds {_FORM}") from error
    if not cases:
        raise EvalError(f"{path} holds no cases", hint=f"it holds {_FORM}")
    return CallSet(path.stem, cases)


def json_schema(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of parameters in the set's layout, whose types are those of Python."""
    schema: dict[str, Any] = {key: value for key, value in parameters.items() if key in _KEPT}
    schema["type"] = _TYPES.get(parameters["type"], parameters["type"])
    if "properties" in parameters:
        schema["properties"] = {name: json_schema(part) for name, part in parameters["properties"].items()}
    if "items" in parameters:
        schema["items"] = json_schema(parameters["items"])
    return schema


def run_calls(
    llm: LLM,
    cases: Sequence[CallCase],
    on_progress: Callable[[int], None] = lambda done: None,
    template: PromptTemplate | None = None,
) -> Iterator[Called]:
    """Have the model make one call a case, of functions that are told likest first, and judge it.

    Args:
        llm: the model.
        cases: of a set.
        on_progress: told how many are done.
        template: another prompt than `call`; it is given `tools` and `question`.
    """
    template = template or load_prompt("call")
    for done, case in enumerate(cases, 1):
        yield _called(llm, case, template)
        on_progress(done)


def summarize(called: Sequence[Called]) -> dict[str, Estimate]:
    """The share of cases for which each of `METRICS` holds."""
    values = np.array([[getattr(each, name) for name in METRICS] for each in called], np.float64)
    return estimates(METRICS, values)


def judge(case: CallCase, text: str) -> Called:
    """What a call, written as {"tool": name, "arguments": {...}}, is worth."""
    try:
        written = json.loads(text)
        name, arguments = written["tool"], written["arguments"]
        function = next(each for each in case.functions if each["name"] == name)
    except (ValueError, KeyError, TypeError, StopIteration):
        return Called(case.id, text, problem="it names no function that was offered")
    invalid = next(Draft202012Validator(json_schema(function["parameters"])).iter_errors(arguments), None)
    if invalid:
        return Called(case.id, text, named=True, tool=name in case.expected, problem=invalid.message)
    if name not in case.expected:
        return Called(case.id, text, named=True, valid=True, problem=f"{name} is the wrong function")
    problem = problem_of_call(function, arguments, case.expected[name])
    return Called(case.id, text, named=True, valid=True, tool=True, call=not problem, problem=problem)


def call(llm: LLM, request: Request, template: PromptTemplate) -> Made:
    """Have the model make one call, of functions that are told likest first; not yet judged.

    Args:
        llm: the model.
        request: what is asked of it.
        template: it is given `tools` and `question`.
    """
    tools = likest_first(request.text, [_tool(each) for each in request.functions])
    told = [{"name": each.name, "description": each.description, "schema": each.parameters} for each in tools]
    messages = template.render(tools=told, question=request.text)
    sampling = Sampling(max_tokens=_MAX_TOKENS, repeat_penalty=1.0)
    form = _form(tools, may_decline=request.may_decline)
    try:
        made = generate(llm, messages, form, sampling=sampling, attempts=1)
    except MalformedOutput as error:
        return Made(error.text, problem=error.message)
    if "tool" not in made.value:
        return Made(made.text, usage=made.usage)
    one = {"name": made.value["tool"], "arguments": made.value["arguments"]}
    return Made(made.text, (one,), usage=made.usage)


def _called(llm: LLM, case: CallCase, template: PromptTemplate) -> Called:
    made = call(llm, Request(case.request, case.functions), template)
    return Called(case.id, made.text, problem=made.problem) if made.problem else judge(case, made.text)


def _case(line: Mapping[str, Any]) -> CallCase:
    ((_, request),) = ((turn["role"], turn["content"]) for turn in line["question"][0])
    (expected,) = line["ground_truth"]
    for function in line["function"]:
        json_schema(function["parameters"])
    return CallCase(str(line["id"]), request, tuple(line["function"]), expected)


def _form(tools: Sequence[Tool], *, may_decline: bool) -> dict[str, Any]:
    """The JSON Schema of one call (or of words instead), as it stands in that of an agent's step."""
    step = Offering(by_name(tools), answer_target(str)).schema
    actions = step["properties"]["action"]["anyOf"]
    wanted = {"tool", "answer"} if may_decline else {"tool"}
    return {
        "anyOf": [each for each in actions if wanted & set(each.get("properties", {}))],
        "$defs": step["$defs"],
    }


def _tool(function: Mapping[str, Any]) -> Tool:
    return Tool(function["name"], function["description"], json_schema(function["parameters"]), _refuse)


def _refuse(arguments: Mapping[str, Any]) -> ToolResult:
    raise ToolError("the functions of a set can't be run")
