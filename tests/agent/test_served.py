"""Models on servers: by their own protocol for tools where they have one, else by a form."""

from __future__ import annotations

import pytest

from ragent.agent import Agent, Call, Limits
from ragent.config import LLMSettings
from ragent.llm.openai import ServedModel, open_openai
from ragent.served import Retries
from tests.agent.scripted import answer, call
from tests.agent.served import ModelServer, model_server, refusal, text, wishes
from tests.agent.test_loop import add, mood, texts


def model_of(server: ModelServer) -> ServedModel:
    return open_openai(LLMSettings(url=server.url, seconds=5), retries=Retries(1, 0.01))


def test_tools_are_called_by_the_servers_protocol() -> None:
    turns = (
        wishes(("add", '{"a": 1, "b": 2}'), ("add", '{"a": 3, "b": 4}'), said="Both."),
        text("3 and 7"),
    )
    with model_server(*turns) as server:
        run = Agent(model_of(server), [add, mood], instructions="Be brief.").run("Add.")
    assert (run.output, run.stop_reason) == ("3 and 7", "answer")
    assert run.steps[0].thought == "Both."
    assert run.steps[0].calls == (Call("add", {"a": 1, "b": 2}), Call("add", {"a": 3, "b": 4}))
    assert texts(run) == ["3", "7"]
    assert run.usage.prompt_tokens == 80
    first, second = server.asked
    assert [tool["function"]["name"] for tool in first["tools"]] == ["add", "mood"]
    assert "Be brief." in first["messages"][0]["content"]
    assert [message["role"] for message in second["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
        "tool",
    ]
    *_, asked, one, two = second["messages"]
    assert [wish["id"] for wish in asked["tool_calls"]] == [one["tool_call_id"], two["tool_call_id"]]
    assert (one["content"], two["content"]) == ("3", "7")


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (("add", '{"a": 1'), "not JSON"),
        (("add", '{"a": "x", "b": 1}'), "don't fit its schema"),
        (("add", "[1]"), "not an object"),
        (("rm", "{}"), "no tool"),
        (("", ""), "no tool"),
    ],
)
def test_what_a_server_lets_through_is_checked(wish: tuple[str, str], told: str) -> None:
    with model_server(wishes(wish), text("sorry")) as server:
        run = Agent(model_of(server), [add]).run("Add.")
    assert told in texts(run)[0]
    assert not run.steps[0].calls
    assert run.output == "sorry"
    assert told in server.asked[1]["messages"][-1]["content"]


def test_saying_nothing_is_no_answer() -> None:
    with model_server(text(" "), text("3")) as server:
        run = Agent(model_of(server), [add]).run("Add.")
    assert (texts(run), run.output) == (["neither a call nor an answer was given"], "3")


def test_the_guards_hold_there_too() -> None:
    with model_server(wishes(("mood", '{"of": "sea"}'))) as server:
        run = Agent(model_of(server), [mood], limits=Limits(steps=8)).run("?")
    assert run.stop_reason == "no_progress"
    assert texts(run)[:2] == ["sea is calm"] * 2
    assert "was called like this before" in texts(run)[2]
    assert "not" not in server.asked[2]["tools"][0]["function"]["parameters"]


@pytest.mark.parametrize("refused", [True, False])
def test_without_a_protocol_for_tools_the_form_is_asked_for(refused: bool) -> None:
    said = [text(call("add", a=1, b=2)), text(answer("3"))]
    no = [refusal(400, "this model does not support tools")] if refused else []
    with model_server(*no, *said, owner="someone" if refused else "me") as server:
        run = Agent(model_of(server), [add]).run("Add.")
    assert (run.output, run.stop_reason, texts(run)) == ("3", "answer", ["3"])
    formed = server.asked[len(no) :]
    assert all("response_format" in body and "tools" not in body for body in formed)
    assert len(formed) == 2


def test_a_typed_answer_is_asked_for_by_its_form() -> None:
    with model_server(text(answer(3))) as server:
        run = Agent(model_of(server), [add], answer=int).run("Add.")
    assert run.output == 3
    assert "response_format" in server.asked[0]


def test_a_server_that_fails_ends_the_run() -> None:
    with model_server(refusal(500, "out of memory")) as server:
        run = Agent(model_of(server), [add]).run("Add.")
    assert run.stop_reason == "error"
    assert "out of memory" in run.note
    gone = Agent(model_of(server), [add]).run("Add.")
    assert (gone.stop_reason, gone.steps) == ("error", ())
