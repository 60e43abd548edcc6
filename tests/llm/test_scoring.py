from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragent.errors import ContextOverflow
from ragent.protocols import Scoring
from ragent.types import Message, Sampling

if TYPE_CHECKING:
    from ragent.llm.llamacpp import LlamaCpp

PASSAGE = "The harbour office opens at seven. The ferry to the island costs four euros."
ASK = [Message("user", f"Passage: {PASSAGE}\n\nWrite a question that this passage answers.")]


def test_an_engine_that_runs_here_can_score(engine: LlamaCpp) -> None:
    assert isinstance(engine, Scoring)
    assert engine.scoring_tokens == 1024


def test_what_fits_is_likelier(engine: LlamaCpp) -> None:
    ferry, king = engine.log_likelihoods(ASK, ["What does the ferry cost?", "Who was the king of Spain?"])
    assert king < ferry < 0


def test_likelihoods_multiply_token_by_token(engine: LlamaCpp) -> None:
    whole, first = engine.log_likelihoods(ASK, ["What does the", "What"])
    (second,) = engine.log_likelihoods(ASK, [" does the"], begun="What")
    assert whole == pytest.approx(first + second, abs=0.05)
    assert engine.log_likelihoods(ASK, ["What does the", "What"]) == pytest.approx([whole, first], abs=0.05)


def test_each_token_of_an_answer_has_its_likelihood(engine: LlamaCpp) -> None:
    answer = "The ferry costs four euros."
    found = engine.token_log_likelihoods(ASK, answer)
    assert "".join(text for text, _ in found) == answer
    assert sum(one for _, one in found) == pytest.approx(engine.log_likelihoods(ASK, [answer])[0], abs=0.05)
    assert all(one <= 0 for _, one in found)
    with pytest.raises(ValueError, match="empty"):
        engine.token_log_likelihoods(ASK, "")


def test_the_likeliest_first_word_is_what_it_writes(engine: LlamaCpp) -> None:
    say = [Message("user", "Say only the word yes.")]
    text = "".join(delta.text for delta in engine.stream(say, Sampling(max_tokens=1, repeat_penalty=1.0)))
    (likely,) = engine.log_likelihoods(say, [text])
    assert likely > max(engine.log_likelihoods(say, ["banana", "ferry", "Seven"]))
    assert 0 < math.exp(likely) <= 1


def test_scoring_leaves_a_stream_and_its_cache_alone(engine: LlamaCpp) -> None:
    sampling = Sampling(max_tokens=12)
    alone = [delta.text for delta in engine.stream(ASK, sampling)]
    stream = engine.stream(ASK, sampling)
    pieces = [next(stream).text]
    done: list[list[float]] = []
    thread = threading.Thread(target=lambda: done.append(engine.log_likelihoods(ASK, ["What"])))
    thread.start()
    thread.join()
    *rest, last = stream
    pieces += [delta.text for delta in [*rest, last]]
    # Guessed tokens come in one piece, or not.
    assert "".join(pieces) == "".join(alone)
    assert done
    *_, again = engine.stream(ASK, sampling)
    assert again.usage
    assert again.usage.reused_tokens == again.usage.prompt_tokens - 2


def test_what_does_not_fit_is_refused(engine: LlamaCpp) -> None:
    with pytest.raises(ContextOverflow, match="1024"):
        engine.log_likelihoods([Message("user", "word " * 1100)], ["yes"])
    with pytest.raises(ValueError, match="empty"):
        engine.log_likelihoods(ASK, ["yes", ""])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40).filter(lambda text: text.isprintable()))
def test_tokens_cover_the_text(engine: LlamaCpp, text: str) -> None:
    spans = engine.offsets(text)
    assert [len(spans)] == engine.count([text])
    assert sum(span != (0, 0) for span in spans) == len(spans)
    reached = 0
    for start, end in spans:
        assert start <= reached
        reached = max(reached, end)
    assert reached == len(text)
