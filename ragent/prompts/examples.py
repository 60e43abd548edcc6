"""Examples of questions and good answers: chosen for a question by likeness, and each unlike the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragent.errors import ConfigError

_DIVERSITY = 0.3
_FIELDS = {"question", "answer", "passages"}


@dataclass(frozen=True, slots=True)
class Example:
    """A question and how to answer it; `passages` are what that answer was read from. No source of others."""

    question: str
    answer: str
    passages: tuple[str, ...] = ()


def read_examples(path: Path) -> tuple[Example, ...]:
    """The examples in a file of JSON Lines: {"question": …, "answer": …, "passages": […]}, the last optional.

    Raises:
        ConfigError: the file can't be read, or a line isn't an example; it says which.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't read the examples {path}: {error}") from error
    return tuple(_example(line, f"{path}, line {n}") for n, line in enumerate(lines, 1) if line.strip())


def choose_examples(
    examples: Sequence[Example],
    vectors: NDArray[np.float32],
    query: NDArray[np.float32],
    count: int,
) -> list[Example]:
    """The `count` examples that are most like a question and least like one another; the most like it last.

    Args:
        examples: to choose among.
        vectors: of their questions, shape (examples, dimension), unit length.
        query: of the question, shape (dimension,), unit length.
        count: how many, at most.

    Source: maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).
    """
    likeness = vectors @ query
    doubled = np.full(len(examples), -np.inf)
    chosen: list[int] = []
    while len(chosen) < min(count, len(examples)):
        penalty = np.where(np.isfinite(doubled), doubled, 0.0)
        gain = (1 - _DIVERSITY) * likeness - _DIVERSITY * penalty
        gain[chosen] = -np.inf
        best = int(gain.argmax())
        chosen.append(best)
        doubled = np.maximum(doubled, vectors @ vectors[best])
    return [examples[index] for index in sorted(chosen, key=lambda index: float(likeness[index]))]


def _example(line: str, where: str) -> Example:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where} is not JSON: {error}") from None
    passages = value.get("passages", []) if isinstance(value, dict) else None
    is_example = (
        isinstance(value, dict)
        and value.keys() <= _FIELDS
        and all(isinstance(value.get(name), str) and value[name].strip() for name in ("question", "answer"))
        and isinstance(passages, list)
        and all(isinstance(passage, str) for passage in passages)
    )
    if not is_example:
        raise ConfigError(
            f"{where} is not an example", hint='{"question": "…", "answer": "…", "passages": ["…"]}'
        )
    return Example(value["question"], value["answer"], tuple(passages or ()))
