"""One model on several servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from ragent.config import LLMSettings, load_settings
from ragent.errors import ModelNotFound, ServerError
from ragent.llm.openai import ServedModel, open_openai
from ragent.served import Retries
from ragent.types import Message, Sampling
from tests.served.wire import Wire, cut, hang, reply, reset, streamed, wired, words

ASKED = (Message("user", "Who signs?"),)
CHAT = "/v1/chat/completions"
# So many that they don't all go to one of two servers.
NAMES = "abcdefghijklmnopqrstuvwxyz"
WELL = streamed(*words("Ann", " signs."))
# What servers send before the first word.
ROLE = {"choices": [{"delta": {"role": "assistant", "content": ""}}]}


def models(name: str = "small", owner: str = "someone") -> Any:
    return reply({"data": [{"id": name, "owned_by": owner}]})


def open_(*wires: Wire, **settings: Any) -> ServedModel:
    urls = tuple(wire.url for wire in wires)
    return open_openai(LLMSettings(url=urls, **{"seconds": 5, **settings}), retries=Retries(3, 0.01))


@pytest.fixture
def one() -> Iterator[Wire]:
    with wired(models=models(), chat=WELL) as wire:
        yield wire


@pytest.fixture
def two() -> Iterator[Wire]:
    with wired(models=models(), chat=WELL) as wire:
        yield wire


def said(model: ServedModel, messages: Any = ASKED, **sampling: Any) -> str:
    return "".join(delta.text for delta in model.stream(messages, Sampling(**sampling)))


@pytest.mark.parametrize("fault", [reset, reply("busy", 503), streamed(ROLE, then=reset), streamed(ROLE)])
def test_what_fails_before_the_first_word_is_asked_of_another(one: Wire, two: Wire, fault: Any) -> None:
    one.acts[CHAT] = [fault]
    model = open_(one, two)
    for name in NAMES:
        assert said(model, (Message("user", name),)) == "Ann signs."
    assert one.bodies(CHAT)


def test_a_server_that_hangs(one: Wire, two: Wire) -> None:
    one.acts[CHAT] = [hang]
    model = open_(one, two, seconds=0.3, breaker_failures=1)
    assert [said(model, (Message("user", name),)) for name in NAMES] == ["Ann signs."] * len(NAMES)
    assert len(one.bodies(CHAT)) == 1


@pytest.mark.parametrize("then", [cut, None])
def test_half_an_answer_is_an_error_and_never_joined_with_another(one: Wire, two: Wire, then: Any) -> None:
    for wire in (one, two):
        wire.acts[CHAT] = [streamed(*words("Ann", end=False), then=then)]
    stream = open_(one, two).stream(ASKED, Sampling())
    assert next(stream).text == "Ann"
    with pytest.raises(ServerError, match="in the middle") as raised:
        next(stream)
    assert raised.value.retryable
    assert len(one.bodies(CHAT)) + len(two.bodies(CHAT)) == 1


def test_a_conversation_stays_where_it_was(one: Wire, two: Wire) -> None:
    model = open_(one, two)
    for name in NAMES:
        before = len(one.bodies(CHAT)), len(two.bodies(CHAT))
        talk = [Message("system", "Be brief."), Message("user", name)]
        for _ in range(3):
            talk += [Message("assistant", said(model, tuple(talk))), Message("user", "And?")]
        assert sorted((len(one.bodies(CHAT)) - before[0], len(two.bodies(CHAT)) - before[1])) == [0, 3]
    assert one.bodies(CHAT)
    assert two.bodies(CHAT)


def test_answers_at_once_are_spread(one: Wire, two: Wire) -> None:
    model = open_(one, two)
    streams = [closing(model.stream(ASKED, Sampling())) for _ in range(4)]  # type: ignore[type-var]
    for stream in streams:
        next(stream.thing)
    assert (len(one.bodies(CHAT)), len(two.bodies(CHAT))) == (2, 2)
    for stream in streams:
        stream.thing.close()  # type: ignore[attr-defined]


def test_each_server_is_asked_in_its_own_words(one: Wire, two: Wire) -> None:
    two.acts["/v1/models"] = [models(owner="vllm")]
    model = open_(one, two)
    for name in NAMES:
        said(model, (Message("user", name),), top_k=4)
    assert {"top_k" in body for body in one.bodies(CHAT)} == {False}
    assert {"top_k" in body for body in two.bodies(CHAT)} == {True}


def test_the_smallest_context_counts(one: Wire, two: Wire) -> None:
    for wire, context in ((one, 3000), (two, 2000)):
        entry = {"id": "small", "owned_by": "vllm", "max_model_len": context}
        wire.acts["/v1/models"] = [reply({"data": [entry]})]
    model = open_(one, two)
    for name in NAMES:
        said(model, (Message("user", name),))
    assert model.context_tokens == 2000


def test_servers_of_different_models_are_refused(one: Wire, two: Wire) -> None:
    two.acts["/v1/models"] = [models("large")]
    model = open_(one, two)
    with pytest.raises(ModelNotFound, match=r"small.*large|large.*small"):
        [said(model, (Message("user", name),)) for name in NAMES]


def test_urls_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().llm.urls == ()
    assert load_settings(None, llm={"url": "http://a/v1"}).llm.urls == ("http://a/v1",)
    monkeypatch.setenv("RAGENT_LLM__URL", "http://a/v1")
    assert load_settings().llm.urls == ("http://a/v1",)
    monkeypatch.setenv("RAGENT_LLM__URL", '["http://a/v1", "http://b/v1"]')
    assert load_settings().llm.urls == ("http://a/v1", "http://b/v1")
