"""ragent's own client of OpenAI's protocol, against ragent's own server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ragent.config import LLMSettings
from ragent.llm.models import resolve_model
from ragent.llm.openai import ServedModel, open_openai
from ragent.structured import generate
from ragent.types import Exchange, Message, Sampling, Tool, ToolResult, Wish
from tests.server.conftest import Inside, OpenServer, Running, running

WEATHER = Tool(
    "get_weather",
    "The weather in a city",
    {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}},
        "required": ["city"],
        "additionalProperties": False,
    },
    lambda _: ToolResult(""),
)
ASKED = [Message("user", "What is the weather in Oslo?")]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose model is a file: its name is that of the file, and tells nothing of where it is."""
    path = resolve_model("smollm2-135m")
    with running(
        tmp_path_factory.mktemp("first") / "home", config=f"[llm]\nmodel = {str(path)!r}\n"
    ) as started:
        yield started


@pytest.fixture(scope="module")
def name(first: Running) -> str:
    with first.client() as client:
        (found,) = {model["id"] for model in client.get("/v1/models").json()["data"]} - {
            "ragent",
            "ragent/default",
            "minilm",
        }
    assert found == resolve_model("smollm2-135m").stem
    return found


@pytest.fixture(scope="module")
def model(first: Running, name: str) -> ServedModel:
    return open_openai(LLMSettings(url=f"{first.url}/v1", model=name))


@pytest.fixture
def second(first: Running, name: str, open_server: OpenServer) -> Inside:
    """A server whose language model is that of the first."""
    return open_server(llm={"url": f"{first.url}/v1", "model": name, "max_tokens": 24})


def test_streams_and_counts(model: ServedModel) -> None:
    deltas = list(model.stream(ASKED, Sampling(max_tokens=8)))
    assert "".join(delta.text for delta in deltas)
    assert deltas[-1].finish_reason == "length"
    assert deltas[-1].usage.completion_tokens == 8


def test_holds_a_form(model: ServedModel) -> None:
    made = generate(model, ASKED, {"enum": ["rain", "sun"]}, sampling=Sampling(max_tokens=24))
    assert made.value in {"rain", "sun"}


def test_takes_what_came_of_a_call(model: ServedModel) -> None:
    exchange = Exchange("", (Wish("get_weather", '{"city": "Oslo"}'),), ("12 degrees, rain",))
    turn = model.call_tools(ASKED, [exchange], [WEATHER], Sampling(max_tokens=24))
    assert turn is not None
    assert turn.text or turn.calls


def test_passes_tools_on_to_a_server_that_calls_them(second: Inside, name: str) -> None:
    function = {"name": "get_weather", "description": "Weather", "parameters": dict(WEATHER.parameters)}
    body = {
        "model": name,
        "messages": [{"role": "user", "content": "What is the weather in Oslo?"}],
        "tools": [{"type": "function", "function": function}],
        "max_tokens": 24,
    }
    for choice in ("auto", "required"):
        answer = second.client.post("/v1/chat/completions", json={**body, "tool_choice": choice})
        assert answer.status_code == 200, answer.text
        message = answer.json()["choices"][0]["message"]
        calls = message.get("tool_calls", [])
        assert message["content"] or calls
        assert choice == "auto" or calls
        for call in calls:
            assert json.loads(call["function"]["arguments"]).keys() == {"city"}
