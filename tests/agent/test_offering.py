"""Whatever a model says under a step's grammar is a valid call of an offered tool, or an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ragent.agent import Agent, Call, Limits, ToolResult
from ragent.agent.excluding import without
from ragent.agent.offering import Offering, answer_target, by_name, key_of
from ragent.errors import SchemaError
from ragent.structured import constrain, target_of
from ragent.types import Sampling, Tool
from tests.structured.sampling import Babbler

NAMES = st.sampled_from(["query", "n", "é", "kind", "$ref", "a b"])
ENUMS = st.lists(st.sampled_from(["a", "b", 1, None, True]), min_size=1, max_size=3, unique_by=repr)
LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda most: {"type": "string", "maxLength": most}, st.integers(0, 9)),
    st.builds(
        lambda low, span: {"type": "integer", "minimum": low, "maximum": low + span},
        st.integers(-9, 9),
        st.integers(0, 9),
    ),
    st.builds(lambda values: {"enum": values}, ENUMS),
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": "number"},
            {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            {"type": "array", "items": {"type": "boolean"}, "maxItems": 3},
            {"type": "string", "format": "date"},
            {"$ref": "#/$defs/point"},
        ]
    ),
)
POINT = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}


@st.composite
def parameters(draw: st.DrawFn) -> dict[str, Any]:
    properties = draw(st.dictionaries(NAMES, LEAVES, max_size=4))
    required = [name for name in properties if draw(st.booleans())]
    return {"type": "object", "properties": properties, "required": required, "$defs": {"point": POINT}}


def tool_of(name: str, schema: Mapping[str, Any], *, pure: bool = False) -> Tool:
    return Tool(name, "Does it.", schema, lambda given: ToolResult(json.dumps(given)), pure=pure)


@st.composite
def tool_sets(draw: st.DrawFn) -> list[Tool]:
    schemas = draw(st.lists(parameters(), min_size=1, max_size=3))
    return [tool_of(f"tool_{at}", schema, pure=draw(st.booleans())) for at, schema in enumerate(schemas)]


FEW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@FEW
@given(tool_sets(), st.integers(0, 5), st.integers(300, 500))
def test_a_model_of_random_words_only_makes_valid_calls_of_offered_tools(
    tools: list[Tool], seed: int, limit: int
) -> None:
    model = Babbler(context_tokens=20_000)
    agent = Agent(model, tools, limits=Limits(steps=3), sampling=Sampling(max_tokens=limit, seed=seed))
    run = agent.run("Anything.")
    assert run.stop_reason in ("answer", "no_progress")
    named = by_name(tools)
    for step in run.steps:
        assert all(observation.kind == "result" for observation in step.observations)
        for call in step.calls:
            Draft202012Validator(named[call.tool].parameters).validate(dict(call.arguments))


@FEW
@given(parameters(), st.integers(0, 3))
def test_what_is_taken_out_can_not_be_said_again(schema: dict[str, Any], seed: int) -> None:
    model, tool = Babbler(), tool_of("act", schema)
    taken: list[Call] = []
    for turn in range(4):
        offering = Offering({"act": tool}, answer_target(str), taken_out=tuple(taken))
        if "act" not in offering.parameters:
            return
        arguments = constrain(target_of(dict(offering.parameters["act"])))
        deltas = model.stream([], Sampling(max_tokens=200, seed=seed + turn), arguments)
        said = json.loads("".join(delta.text for delta in deltas))
        assume(isinstance(said, dict))
        assert key_of("act", said) not in {key_of("act", call.arguments) for call in taken}
        Draft202012Validator(schema).validate(said)
        taken.append(Call("act", said))
        text = json.dumps({"thought": "", "action": {"tool": "act", "arguments": said}}, ensure_ascii=False)
        after = Offering({"act": tool}, answer_target(str), taken_out=tuple(taken))
        assert not after.constraint.accepts(text)
        assert "before" in after.read(text).problem or not after.parameters


@pytest.mark.parametrize(
    ("schema", "calls", "left", "gone"),
    [
        ({"q": {"type": "string"}}, [{"q": 'say "é"'}, {"q": ""}], [{"q": "say"}, {"q": "é"}], []),
        ({"n": {"type": "integer", "minimum": 1, "maximum": 3}}, [{"n": 1}, {"n": 3}], [{"n": 2}], []),
        ({"n": {"type": "integer"}}, [{"n": 0}], [{"n": -1}, {"n": 1}], []),
        ({"k": {"enum": [1, True, "1"]}}, [{"k": 1}], [{"k": True}, {"k": "1"}], []),
        ({"b": {"type": "boolean"}}, [{"b": True}], [{"b": False}], []),
        ({"q": {"type": "string"}, "o": {"type": "number"}}, [{"q": "a"}], [{"q": "a", "o": 1.5}], []),
        (
            {"q": {"type": "string"}, "o": {"type": "number"}},
            [{"q": "a", "o": 1.5}],
            [{"q": "a"}],
            [{"q": "a", "o": 2}],
        ),
    ],
)
def test_only_what_was_done_is_taken_out_where_that_can_be_told(
    schema: dict[str, Any], calls: list[Any], left: list[Any], gone: list[Any]
) -> None:
    whole = {"type": "object", "properties": schema, "required": [next(iter(schema))]}
    constraint = constrain(target_of({"anyOf": without(whole, calls)}))
    kept = [json.dumps(arguments, ensure_ascii=False) for arguments in left]
    for arguments in [*left, *calls, *gone]:
        text = json.dumps(arguments, ensure_ascii=False)
        assert constrain(target_of(whole)).accepts(text)
        assert constraint.accepts(text) is (text in kept)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"x": {"const": 1}}, "required": ["x"]},
        {"type": "object", "properties": {"x": {"enum": [1, 2]}}, "not": {"required": ["x"]}},
    ],
)
def test_a_tool_whose_calls_can_not_be_told_apart_is_no_longer_offered(schema: dict[str, Any]) -> None:
    offering = Offering({"act": tool_of("act", schema)}, answer_target(str), (Call("act", {"x": 1}),))
    assert not offering.parameters
    assert not offering.constraint.accepts(
        '{"thought": "", "action": {"tool": "act", "arguments": {"x": 1}}}'
    )
    assert offering.constraint.accepts('{"thought": "", "action": {"answer": ""}}')


def test_what_no_engine_enforces_is_checked_afterwards() -> None:
    schema = {
        "type": "object",
        "properties": {"x": {"type": "array", "uniqueItems": True}},
        "required": ["x"],
    }
    odd = {"type": "object", "properties": {"x": {"type": "string", "pattern": "(?=a)b"}}}
    offering = Offering(by_name([tool_of("one", schema), tool_of("two", odd)]), answer_target(str))
    said = '{"thought": "", "action": {"tool": "one", "arguments": {"x": [1, 1]}}}'
    assert offering.constraint.accepts(said)
    assert "uniqueItems" in offering.read(said).problem
    assert "pattern" in offering.read(said.replace("one", "two").replace("[1, 1]", '"c"')).problem


def test_references_within_a_tools_schema_stay_within_it() -> None:
    def tree(leaf: str) -> dict[str, Any]:
        node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "v": {"type": leaf}}}
        root = {"type": "object", "properties": {"root": {"$ref": "#/$defs/node"}}, "required": ["root"]}
        return {**root, "$defs": {"node": node}, "examples": [{"$ref": "#/$defs/node"}]}

    tools = [tool_of("words", tree("string")), tool_of("numbers", tree("integer"))]
    constraint = Offering(by_name(tools), answer_target(str)).constraint
    form = '{"thought": "", "action": {"tool": "%s", "arguments": {"root": {"next": {"v": %s}}}}}'
    assert constraint.accepts(form % ("words", '"x"'))
    assert constraint.accepts(form % ("numbers", "1"))
    assert not constraint.accepts(form % ("words", "1"))


def test_an_answer_that_can_not_be_enforced_is_refused_at_once() -> None:
    with pytest.raises(SchemaError):
        Agent(Babbler(), answer={"type": "string", "minLength": 5, "maxLength": 2}).run("?")
