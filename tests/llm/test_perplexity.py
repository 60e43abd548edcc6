from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragent.llm.models import DEFAULT_MODEL, resolve_model

if TYPE_CHECKING:
    from ragent.llm.llamacpp import LlamaCpp
    from ragent.llm.native import Model, Shape

TEXT = (
    "The harbour office opens at seven. The ferry to the island costs four euros, and sails every hour. " * 2
)


@pytest.fixture(scope="module")
def model() -> Model:
    from ragent.llm.native import Loading, Model

    return Model(resolve_model(DEFAULT_MODEL), Loading())


def shape(cells: int) -> Shape:
    from ragent.llm.native import Shape

    return Shape(cells=cells, sequences=1, batch=32, step=32, threads=1)


def likelihoods(model: Model, tokens: list[int]) -> list[float]:
    """ln p of each token but the first, read one by one."""
    from ragent.llm.native import Context, Row

    context = Context(model, shape(256))
    found = []
    for n, token in enumerate(tokens[:-1]):
        context.decode([Row(token, n, 0, True)])
        logits = context.logits(0).astype(np.float64)
        found.append(
            float(logits[tokens[n + 1]] - np.log(np.exp(logits - logits.max()).sum()) - logits.max())
        )
    return found


@pytest.mark.parametrize("head", [[], [1]])
def test_perplexity_by_its_formula(model: Model, head: list[int]) -> None:
    from ragent.llm.scoring import Scorer, perplexity

    tokens = model.tokenize(TEXT.encode())[:41]
    window, stride = 16 - len(head), 6
    found = perplexity(Scorer(model, shape(256)), tokens, head, stride)
    whole = likelihoods(model, head + tokens)
    assert found.tokens == len(tokens) - 1 + len(head)
    assert found.nll == pytest.approx(-np.mean(whole), abs=0.02)
    assert found.value == pytest.approx(math.exp(found.nll))
    parts = likelihoods(model, head + tokens[:window])
    end, begin = window, stride
    while end < len(tokens):
        new = min(begin + window, len(tokens)) - end
        parts += likelihoods(model, head + tokens[begin : begin + window])[-new:]
        end, begin = end + new, begin + stride
    in_windows = perplexity(Scorer(model, shape(16)), tokens, head, stride)
    assert in_windows.tokens == len(parts) == found.tokens
    assert in_windows.nll == pytest.approx(-np.mean(parts), abs=0.02)
    assert in_windows.nll > found.nll


def test_sense_is_less_perplexing_than_nonsense(engine: LlamaCpp) -> None:
    words = TEXT.split()
    nonsense = " ".join(words[::-1])
    sense = engine.perplexity(TEXT)
    assert sense.value < engine.perplexity(nonsense).value
    assert sense.tokens == engine.count([TEXT])[0] - 1


def test_a_text_beyond_the_context_is_read_in_windows() -> None:
    from ragent.config import LLMSettings
    from ragent.llm.llamacpp import open_llamacpp

    engine = open_llamacpp(LLMSettings(n_ctx=256, threads=1))
    long = "One two three four five six seven. " * 38
    in_windows = engine.perplexity(long)
    assert in_windows.tokens == engine.count([long])[0] - 1 > 256
    assert engine.perplexity(long, stride=250).nll == pytest.approx(in_windows.nll, abs=0.1)
    engine.close()


def test_what_has_no_perplexity(engine: LlamaCpp) -> None:
    for text in ("", "word"):
        with pytest.raises(ValueError, match="no token"):
            engine.perplexity(text)
    with pytest.raises(ValueError, match="stride"):
        engine.perplexity(TEXT, stride=1024)
