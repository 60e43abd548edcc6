"""Best-of-n: several answers are written side by side, and a scorer chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from ragent.errors import LLMError
from ragent.protocols import LLM, Constraint, Scoring
from ragent.types import Delta, Message, Sampling, Usage

_USUAL_TEMPERATURE = 0.7

Scorer = Callable[[Sequence[str]], Sequence[float]]
"""Scores answers, higher is better."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer, what the scorer said, and its last piece (`finish_reason` and `usage`)."""

    text: str
    score: float
    last: Delta

    @property
    def usage(self) -> Usage:
        return self.last.usage or Usage()


def best_of(
    llm: LLM,
    messages: Sequence[Message],
    sampling: Sampling,
    n: int,
    *,
    scorer: Scorer | None = None,
    constraint: Constraint | None = None,
) -> tuple[Candidate, ...]:
    """Have `n` answers written at once, and give them best first; of equal ones, the first.

    The first is the one that `sampling` asks for; the others have the next seeds, and a temperature of 0.7 if
    it has none. A model that runs here reads the prompt once for all of them.

    Args:
        llm: the model.
        messages: the prompt.
        sampling: of the first answer.
        n: how many, at least 1.
        scorer: scores all answers; None: the mean ln p of their tokens, by a model that runs here.
        constraint: on each of the answers.

    Raises:
        LLMError: the model fails, or there is no scorer and it can't be one.
        ContextOverflow: the prompt leaves no room.
        SchemaError: as `stream` does.
    """
    if scorer is None and not isinstance(llm, Scoring):
        raise LLMError(
            f"{llm.name} can't score its answers", hint="give a scorer, or use a model that runs here"
        )
    first = llm.stream(messages, sampling, constraint)
    # With its first piece, the prompt was read: the others begin with what is kept of it.
    begun = next(first)
    wanted = seeds(sampling, n)[1:]
    with ThreadPoolExecutor(max(1, n - 1), "best-of") as threads:
        others = [threads.submit(_text, llm.stream(messages, one, constraint)) for one in wanted]
        written = [_text(chain([begun], first)), *(other.result() for other in others)]
    texts = [text for text, _ in written]
    scores = scorer(texts) if scorer else mean_log_likelihoods(llm, messages, texts)
    found = [Candidate(text, score, last) for (text, last), score in zip(written, scores, strict=True)]
    return tuple(sorted(found, key=lambda one: one.score, reverse=True))


def seeds(sampling: Sampling, n: int) -> list[Sampling]:
    """`sampling`, and `n - 1` variants: with the next seeds, and a temperature of 0.7 if it has none."""
    temperature = sampling.temperature or _USUAL_TEMPERATURE
    others = [replace(sampling, temperature=temperature, seed=sampling.seed + step) for step in range(1, n)]
    return [sampling, *others]


def mean_log_likelihoods(llm: Any, messages: Sequence[Message], texts: Sequence[str]) -> list[float]:
    """Mean ln p a token of each text as the answer, minus infinity for an empty one. `llm` is Scoring."""
    said = list(dict.fromkeys(filter(None, texts)))
    totals = llm.log_likelihoods(messages, said) if said else []
    means = {text: total / count for text, total, count in zip(said, totals, llm.count(said), strict=True)}
    return [means.get(text, float("-inf")) for text in texts]


def _text(stream: Iterable[Delta]) -> tuple[str, Delta]:
    text, last = "", Delta("")
    for last in stream:
        text += last.text
    return text, last
