"""What every LLM must do: the engine here, and models on servers."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from ragent.config import LLMSettings
from ragent.errors import ContextOverflow
from ragent.llm.llamacpp import open_llamacpp
from ragent.llm.openai import open_openai
from ragent.protocols import LLM
from ragent.structured import generate
from ragent.types import Delta, Message, Sampling

ASKED = (Message("system", "Be brief."), Message("user", "Where do ships moor?"))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["here", "llama-cpp-python", "ragent"])
def llm(request: pytest.FixtureRequest) -> LLM:
    if request.param == "here":
        return open_llamacpp(LLMSettings(n_ctx=512, threads=1))
    if request.param == "ragent":
        url = f"{request.getfixturevalue('ragent_server').url}/v1"
        return open_openai(LLMSettings(url=url, n_ctx=512))
    return open_openai(LLMSettings(url=request.getfixturevalue("llama_url"), n_ctx=512))


def ask(llm: LLM, messages: Any = ASKED, **sampling: Any) -> list[Delta]:
    return list(llm.stream(messages, Sampling(**sampling)))


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


def test_the_last_piece_says_how_it_ended(llm: LLM) -> None:
    *pieces, last = ask(llm, max_tokens=6)
    assert text_of(pieces)
    assert all(piece.finish_reason is None for piece in pieces)
    assert last.finish_reason == "length"
    assert last.usage is not None
    assert last.usage.prompt_tokens > 0
    assert 5 <= last.usage.completion_tokens <= 7


def test_without_chance_it_says_the_same_again(llm: LLM) -> None:
    assert text_of(ask(llm, max_tokens=6)) == text_of(ask(llm, max_tokens=6))


def test_it_ends_before_a_stop(llm: LLM) -> None:
    whole = text_of(ask(llm, max_tokens=8))
    stop = whole.split()[2]
    deltas = ask(llm, max_tokens=8, stop=(stop,))
    assert whole.startswith(text_of(deltas))
    assert stop not in text_of(deltas)
    assert deltas[-1].finish_reason == "stop"


def test_longer_prompts_have_more_tokens(llm: LLM) -> None:
    longer = (*ASKED, Message("user", "And where do they anchor, if the quay is full?"))
    assert 0 < llm.count_prompt(ASKED) < llm.count_prompt(longer)


def test_a_prompt_that_does_not_fit_is_refused_before_the_first_word(llm: LLM) -> None:
    assert llm.context_tokens == 512
    with pytest.raises(ContextOverflow):
        next(iter(llm.stream((Message("user", "quay " * 900),), Sampling(max_tokens=4))))


def test_it_can_be_closed_and_asked_again(llm: LLM) -> None:
    with closing(llm.stream(ASKED, Sampling(max_tokens=None))) as stream:  # type: ignore[type-var]
        assert next(stream).text
    assert ask(llm, max_tokens=2)[-1].finish_reason == "length"


def test_a_form_is_held(llm: LLM) -> None:
    made = generate(llm, list(ASKED), {"enum": ["at the quay", "at sea"]}, sampling=Sampling(max_tokens=16))
    assert made.value in ("at the quay", "at sea")
