from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragent.config import LLMSettings
from ragent.errors import LLMError
from ragent.llm.control_vectors import read_control_vector, save_control_vector
from ragent.types import Message

if TYPE_CHECKING:
    from ragent.llm.control_vectors import ControlVector
    from ragent.llm.llamacpp import LlamaCpp
    from ragent.llm.steering import Contrast

TOPICS = ("the weather", "your work", "the town", "this film")
ASK = [Message("user", "Tell me about the harbour.")]
JOY, SORROW = "I love it, it is a wonderful and joyful place!", "I hate it, it is a terrible and sad place."


def pairs() -> list[Contrast]:
    from ragent.llm.steering import Contrast

    return [
        Contrast(
            f"Talk about {topic} as someone who loves it.", f"Talk about {topic} as someone who hates it."
        )
        for topic in TOPICS
    ]


@pytest.fixture(scope="module")
def trained(engine: LlamaCpp) -> ControlVector:
    return engine.train_control_vector(pairs())


def test_training_is_deterministic_and_tells_how_far_it_is(engine: LlamaCpp, trained: ControlVector) -> None:
    told: list[tuple[int, int]] = []
    again = engine.train_control_vector(pairs(), lambda done, of: told.append((done, of)))
    assert told == [(n, 8) for n in range(1, 9)]
    assert again.model == engine.name
    assert sorted(again.directions) == list(range(1, 30))
    for layer, direction in again.directions.items():
        assert (direction == trained.directions[layer]).all()
        assert np.linalg.norm(direction) == pytest.approx(1.0, abs=1e-5)


def test_the_opposite_pairs_give_the_opposite_direction(engine: LlamaCpp, trained: ControlVector) -> None:
    from ragent.llm.steering import Contrast

    other = engine.train_control_vector([Contrast(one.negative, one.positive) for one in pairs()])
    assert other.directions[15] == pytest.approx(-trained.directions[15], abs=1e-4)


def test_strength_moves_the_model_where_it_should(trained: ControlVector, tmp_path: Path) -> None:
    from ragent.llm.llamacpp import open_llamacpp

    path = tmp_path / "joy.gguf"
    save_control_vector(path, trained)
    assert read_control_vector(path).model == trained.model

    def joy(strength: float | None) -> float:
        vectors = {} if strength is None else {str(path): strength}
        model = open_llamacpp(LLMSettings(n_ctx=256, threads=1, cache_mb=0, control_vectors=vectors))
        joyful, sad = model.log_likelihoods(ASK, [JOY, SORROW])
        return joyful - sad

    base = joy(None)
    assert joy(0.0) == base
    assert joy(2.0) > base + 1
    assert joy(-2.0) < base - 1


def test_pairs_that_teach_nothing(engine: LlamaCpp) -> None:
    from ragent.llm.steering import Contrast

    with pytest.raises(LLMError, match="don't differ"):
        engine.train_control_vector([Contrast("Hello", "Hello")])
    with pytest.raises(LLMError, match="no pairs"):
        engine.train_control_vector([])
