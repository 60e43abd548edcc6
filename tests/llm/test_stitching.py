from __future__ import annotations

import random
from pathlib import Path

import pytest

from ragent.config import LLMSettings
from ragent.llm.llamacpp import LlamaCpp, open_llamacpp
from ragent.llm.states import forget_states, states_folder
from ragent.llm.stitching import Span, passage_spans
from ragent.types import Message, Sampling, Usage

PASSAGES = (
    "The harbour office opens at seven in the morning and closes at noon on Sundays. It sells maps, tickets"
    " and ropes to sailors, and lends them the keys of the showers.",
    "The ferry to the island costs four euros for adults and two euros for children. It leaves every hour"
    " from the second pier, but never in a storm, and dogs travel free.",
    "The kiosk on the pier belongs to a retired sailor called Tom, who sells coffee, newspapers and small"
    " wooden boats that he carves himself on long winter evenings.",
)
FERRY = "What does the ferry cost for children?"


def open_engine(home: Path | None = None, *, stitch: bool = True) -> LlamaCpp:
    settings = LLMSettings(n_ctx=512, threads=1, cache_mb=16, stitch=stitch)
    return open_llamacpp(settings, home / "models" if home else None)


def ask(
    engine: LlamaCpp, passages: tuple[str, ...], question: str = FERRY, tokens: int = 6
) -> tuple[str, Usage]:
    text = "".join(f"[{n}] {passage}\n\n" for n, passage in enumerate(passages, 1)) + question
    messages = [Message("system", "Answer briefly."), Message("user", text, passages)]
    deltas = list(engine.stream(messages, Sampling(max_tokens=tokens)))
    assert deltas[-1].usage
    return "".join(delta.text for delta in deltas), deltas[-1].usage


@pytest.fixture(scope="module")
def stitching() -> LlamaCpp:
    return open_engine()


@pytest.fixture(scope="module")
def exact() -> LlamaCpp:
    return open_engine(stitch=False)


def test_passages_are_found_where_whole_tokens_lie_in_them() -> None:
    words = [b"a", b" "] + [b" word"] * 40 + [b"", b" x"] + [b" other"] * 40
    passages = ["word other", " word" * 40, " other" * 40, " other" * 39, "absent" * 40]
    assert passage_spans(words, passages) == [Span(2, 42), Span(44, 84)]
    assert passage_spans([b"xx wo", *[b" word"] * 40], ["wo" + " word" * 40]) == [Span(1, 41)]
    assert passage_spans(words, []) == []


def test_a_single_passage_is_answered_as_if_nothing_was_stitched(
    stitching: LlamaCpp, exact: LlamaCpp
) -> None:
    for passage in PASSAGES:
        assert ask(stitching, (passage,))[0] == ask(exact, (passage,))[0]


def test_in_another_order_only_what_is_between_passages_is_computed(stitching: LlamaCpp) -> None:
    ask(stitching, PASSAGES)
    text, usage = ask(stitching, PASSAGES[::-1])
    assert usage.reused_tokens > usage.prompt_tokens * 0.6
    assert text
    again, usage = ask(stitching, PASSAGES[::-1])
    assert again == text
    assert usage.reused_tokens >= usage.prompt_tokens - 2


def test_what_a_passage_says_is_read_at_its_new_place(stitching: LlamaCpp) -> None:
    for order in (PASSAGES, PASSAGES[::-1], PASSAGES[1:] + PASSAGES[:1]):
        ask(stitching, order, "Who owns the kiosk?")
        text, usage = ask(stitching, order, "To whom does the kiosk on the pier belong?", 14)
        assert usage.reused_tokens > usage.prompt_tokens * 0.6
        assert "sailor" in text or "Tom" in text


def test_an_answer_does_not_depend_on_what_was_asked_before(stitching: LlamaCpp) -> None:
    draw = random.Random(0)
    for _ in range(50):
        some = tuple(draw.sample(PASSAGES, draw.randint(1, 3)))
        ask(stitching, some, draw.choice(["Who?", "Where is it?", FERRY]))
    order = (PASSAGES[2], PASSAGES[0], PASSAGES[1])
    assert ask(stitching, order)[0] == ask(open_engine(), order)[0]
    plain = [Message("user", "Count from one to ten in words.")]
    texts = [
        "".join(delta.text for delta in engine.stream(plain, Sampling(max_tokens=8)))
        for engine in (stitching, open_engine(stitch=False))
    ]
    assert texts[0] == texts[1]


def test_a_prompt_that_is_too_long_to_stitch_is_read_as_a_whole(stitching: LlamaCpp) -> None:
    long = " ".join(f"{n} sailors" for n in range(110))
    assert ask(stitching, (long,), "Who?")[1].prompt_tokens > 300


def test_passages_outlive_a_restart_and_are_forgotten(tmp_path: Path) -> None:
    first = open_engine(tmp_path)
    expected, cold = ask(first, PASSAGES[:2])
    first.close()
    assert cold.reused_tokens == 0
    second = open_engine(tmp_path)
    _, warm = ask(second, PASSAGES[1::-1])
    second.close()
    assert warm.reused_tokens > warm.prompt_tokens * 0.4
    forget_states(tmp_path)
    assert not list(states_folder(tmp_path).rglob("*.state"))
    text, usage = ask(open_engine(tmp_path), PASSAGES[:2])
    assert (text, usage) == (expected, cold)


def test_what_was_stitched_is_never_taken_for_what_was_read(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    ask(engine, PASSAGES)
    engine.close()
    assert list(states_folder(tmp_path).rglob("*.state"))
    assert ask(open_engine(tmp_path, stitch=False), PASSAGES)[1].reused_tokens == 0
