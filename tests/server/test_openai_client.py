"""The official client, unchanged, against the running server."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Literal

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionToolParam
from pydantic import BaseModel

from tests.server.conftest import PATIENCE, Running

QUESTION = "Who founded the harbour?"
PLAIN = "smollm2-135m"

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 12}, "unit": {"enum": ["C", "F"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}


class Mood(BaseModel):
    mood: Literal["good", "bad"]
    sure: bool


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key="any", timeout=PATIENCE, max_retries=0) as opened:
        yield opened


def test_lists_what_can_be_asked(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["ragent", "ragent/default", PLAIN, "minilm"]
    assert client.models.retrieve("ragent/default").id == "ragent/default"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


# -- documents ------------------------------------------------------------------------------------------


def test_answers_from_the_documents_with_citations(client: OpenAI) -> None:
    made = client.chat.completions.create(
        model="ragent", messages=[{"role": "user", "content": "When was the harbour founded?"}]
    )
    (choice,) = made.choices
    own = made.model_extra["ragent"]
    assert choice.finish_reason == "stop"
    assert not own["abstained"]
    assert choice.message.content == own["text"]
    for cited in own["citations"]:
        assert " ".join(cited["quote"].split()) in choice.message.content
        assert cited["uri"].startswith("file:")
        assert cited["end"] - cited["start"] == len(cited["quote"])
        assert cited["title"]
    assert own["citations"]
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens


def test_streams_the_very_same_answer(client: OpenAI) -> None:
    messages = [{"role": "user", "content": "When was the harbour founded?"}]
    whole = client.chat.completions.create(model="ragent", messages=messages)
    chunks = list(
        client.chat.completions.create(
            model="ragent", messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    said = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(said) == whole.choices[0].message.content
    assert len(list(filter(None, said))) > 1
    last = next(chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason)
    assert last.model_extra["ragent"]["citations"] == whole.model_extra["ragent"]["citations"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens


def test_streams_a_draft_where_that_is_asked_for(client: OpenAI) -> None:
    request = {
        "model": "ragent",
        "messages": [{"role": "user", "content": "When was the harbour founded?"}],
        "max_tokens": 16,
        "extra_body": {"ragent": {"style": "draft", "draft": True, "k": 1}},
    }
    chunks = list(client.chat.completions.create(**request, stream=True))
    assert len([chunk for chunk in chunks if chunk.choices[0].delta.content]) > 3
    checked = chunks[-1].model_extra["ragent"]["text"]
    whole = client.chat.completions.create(**request)
    assert whole.choices[0].message.content == whole.model_extra["ragent"]["text"] == checked


def test_says_when_there_is_no_answer(client: OpenAI) -> None:
    made = client.chat.completions.create(
        model="ragent", messages=[{"role": "user", "content": "Which enzymes digest lactose?"}]
    )
    assert made.model_extra["ragent"]["abstained"]
    assert made.model_extra["ragent"]["citations"] == []


def test_follows_a_conversation(client: OpenAI) -> None:
    made = client.chat.completions.create(
        model="ragent",
        messages=[
            {"role": "system", "content": "Speak like a pirate."},
            {"role": "user", "content": "When was the harbour founded?"},
            {"role": "assistant", "content": "In 1868."},
            {"role": "user", "content": [{"type": "text", "text": "And by whom?"}]},
        ],
    )
    own = made.model_extra["ragent"]
    assert own["understood"] != "And by whom?"
    assert any(one["text"] == "Speak like a pirate." for one in own["dropped"])


def test_asks_as_the_extension_says(client: OpenAI) -> None:
    def ask(**ragent: object) -> dict[str, object]:
        made = client.chat.completions.create(
            model="ragent",
            messages=[{"role": "user", "content": "When was the harbour founded?"}],
            extra_body={"ragent": ragent},
        )
        return made.model_extra["ragent"]

    assert len(ask(k=1, style="extract", mode="keyword")["passages"]) == 1
    with pytest.raises(openai.NotFoundError, match="no collection 'elsewhere'"):
        ask(collection="elsewhere")
    with pytest.raises(openai.BadRequestError, match="speed"):
        ask(speed="high")


def test_puts_an_answer_from_documents_into_a_form(client: OpenAI) -> None:
    made = client.chat.completions.parse(
        model="ragent",
        messages=[{"role": "user", "content": "When was the harbour founded?"}],
        response_format=Mood,
        max_tokens=24,
    )
    assert isinstance(made.choices[0].message.parsed, Mood)


# -- the plain model ------------------------------------------------------------------------------------


def test_chats_with_the_plain_model(client: OpenAI) -> None:
    made = client.chat.completions.create(
        model=PLAIN, messages=[{"role": "user", "content": "Say hello."}], max_completion_tokens=8
    )
    assert made.choices[0].message.content
    assert made.usage.completion_tokens <= 8
    assert "ragent" not in made.model_extra


def test_the_same_seed_gives_the_same_text(client: OpenAI) -> None:
    def write(seed: int) -> str:
        made = client.chat.completions.create(
            model=PLAIN,
            messages=[{"role": "user", "content": "Invent a name for a ship."}],
            max_tokens=12,
            temperature=1.5,
            seed=seed,
        )
        return made.choices[0].message.content

    assert write(-7) == write(-7)
    assert len({write(seed) for seed in range(4)}) > 1


def test_ends_before_a_stop_text(client: OpenAI) -> None:
    messages = [{"role": "user", "content": "Count from one to five in digits: 1, 2,"}]
    plain = client.chat.completions.create(model=PLAIN, messages=messages, max_tokens=16)
    text = plain.choices[0].message.content
    cut = client.chat.completions.create(model=PLAIN, messages=messages, max_tokens=16, stop=[text[3:6]])
    assert cut.choices[0].message.content == text[: text.index(text[3:6])]
    assert cut.choices[0].finish_reason == "stop"


def test_streams_from_the_plain_model(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=PLAIN,
            messages=[{"role": "user", "content": "Tell me about the sea."}],
            max_tokens=12,
            stream=True,
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len([chunk for chunk in chunks if chunk.choices[0].delta.content]) > 3
    assert chunks[-1].choices[0].finish_reason == "length"


def test_holds_the_plain_model_to_a_form(client: OpenAI) -> None:
    messages = [{"role": "user", "content": "The sun shines and I am happy."}]
    made = client.chat.completions.parse(model=PLAIN, messages=messages, response_format=Mood, max_tokens=64)
    assert isinstance(made.choices[0].message.parsed, Mood)
    with client.chat.completions.stream(
        model=PLAIN, messages=messages, response_format=Mood, max_tokens=64
    ) as stream:
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Mood)


def test_gives_some_object(client: OpenAI) -> None:
    made = client.chat.completions.create(
        model=PLAIN,
        messages=[{"role": "user", "content": "Describe a boat as JSON."}],
        response_format={"type": "json_object"},
        max_tokens=24,
    )
    assert isinstance(json.loads(made.choices[0].message.content), dict)


def test_calls_a_tool_and_takes_its_result(client: OpenAI) -> None:
    messages = [{"role": "user", "content": "What is the weather in Oslo?"}]
    made = client.chat.completions.create(
        model=PLAIN, messages=messages, tools=[WEATHER], tool_choice="required", max_tokens=24
    )
    (choice,) = made.choices
    (call,) = choice.message.tool_calls
    arguments = json.loads(call.function.arguments)
    assert choice.finish_reason == "tool_calls"
    assert call.function.name == "get_weather"
    assert arguments.keys() == {"city", "unit"}
    assert arguments["unit"] in {"C", "F"}
    messages += [choice.message, {"role": "tool", "tool_call_id": call.id, "content": "12 degrees, rain"}]
    answered = client.chat.completions.create(
        model=PLAIN, messages=messages, tools=[WEATHER], tool_choice="none", max_tokens=16
    )
    assert answered.choices[0].message.content
    assert answered.choices[0].message.tool_calls is None


def test_streams_a_call_of_the_tool_that_was_named(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model=PLAIN,
        messages=[{"role": "user", "content": "What is the weather in Oslo?"}],
        tools=[WEATHER],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        max_tokens=24,
    ) as stream:
        (call,) = stream.get_final_completion().choices[0].message.tool_calls
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments).keys() == {"city", "unit"}


def test_chooses_between_a_tool_and_an_answer(client: OpenAI) -> None:
    made = client.chat.completions.create(
        model=PLAIN, messages=[{"role": "user", "content": "Hi!"}], tools=[WEATHER], max_tokens=24
    )
    (choice,) = made.choices
    assert bool(choice.message.tool_calls) == (choice.finish_reason == "tool_calls")
    assert choice.message.tool_calls or choice.message.content


def test_completes_a_text(client: OpenAI) -> None:
    made = client.completions.create(model=PLAIN, prompt="The sea is", max_tokens=8)
    assert made.choices[0].text
    chunks = list(client.completions.create(model=PLAIN, prompt=["The sea is"], max_tokens=8, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == made.choices[0].text


# -- embeddings -----------------------------------------------------------------------------------------


def test_embeds_texts(client: OpenAI) -> None:
    made = client.embeddings.create(model="minilm", input=["a boat", "a ship", "tax law"])
    boat, ship, law = (one.embedding for one in made.data)
    assert [one.index for one in made.data] == [0, 1, 2]

    def alike(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert alike(boat, ship) > alike(boat, law)
    assert alike(boat, boat) == pytest.approx(1.0, abs=1e-3)
    assert made.usage.prompt_tokens == 6


def test_gives_the_same_vectors_in_both_formats(server: Running) -> None:
    with server.client() as client:
        floats, packed = (
            client.post(
                "/v1/embeddings", json={"model": "minilm", "input": "a boat", "encoding_format": kind}
            ).json()["data"][0]["embedding"]
            for kind in ("float", "base64")
        )
    data = base64.b64decode(packed)
    assert list(struct.unpack(f"<{len(data) // 4}f", data)) == floats


# -- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("logprobs", True),
        ("logit_bias", {"50256": -100}),
        ("reasoning_effort", "high"),
        ("temperature", 3),
        ("max_tokens", 0),
        ("stop", [""]),
        ("stop", 5),
        ("response_format", {"type": "grammar"}),
        ("tool_choice", "required"),
        ("ragent", {"k": 3}),
    ],
)
def test_refuses_what_it_does_not_do_by_its_name(client: OpenAI, name: str, value: object) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model=PLAIN, messages=[{"role": "user", "content": "Hi"}], extra_body={name: value}
        )
    assert caught.value.param.split(".")[0] == name
    assert name in caught.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [("tools", [WEATHER]), ("stop", "x")],
)
def test_refuses_of_documents_what_only_the_model_does(client: OpenAI, name: str, value: object) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="ragent", messages=[{"role": "user", "content": "Hi"}], extra_body={name: value}
        )
    assert caught.value.param == name


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user"}],
        [{"role": "owner", "content": "Hi"}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/y"}}]}],
        [{"role": "tool", "tool_call_id": "1", "content": "12"}],
    ],
)
def test_refuses_messages_that_make_no_sense(client: OpenAI, messages: list[object]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=PLAIN, messages=messages)
    assert caught.value.param.startswith("messages")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("echo", True),
        ("suffix", "x"),
        ("logprobs", 2),
        ("best_of", 3),
        ("prompt", ["a", "b"]),
        ("prompt", [1]),
    ],
)
def test_refuses_of_completions_what_it_does_not_do(client: OpenAI, name: str, value: object) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(**{"model": PLAIN, "prompt": "x", name: value})
    assert caught.value.param.split(".")[0] == name


@pytest.mark.parametrize(
    ("name", "value"), [("dimensions", 8), ("input", [[1, 2]]), ("input", ""), ("input", "sea " * 600)]
)
def test_refuses_what_it_cannot_embed(client: OpenAI, name: str, value: object) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(**{"model": "minilm", "input": "x", name: value})
    assert caught.value.param.split(".")[0] == name


def test_has_no_other_models(client: OpenAI) -> None:
    for ask in (
        lambda: client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hi"}]),
        lambda: client.completions.create(model="ragent", prompt="Hi"),
        lambda: client.embeddings.create(model="ragent", input="Hi"),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            ask()
        assert caught.value.code == "model_not_found"
        assert caught.value.param == "model"


def test_says_when_a_prompt_is_too_long(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=PLAIN, messages=[{"role": "user", "content": "sea " * 20_000}])
    assert caught.value.code == "context_length_exceeded"
