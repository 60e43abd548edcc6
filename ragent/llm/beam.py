"""Beam search: the output whose tokens are likeliest together, not one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ragent.errors import LLMError
from ragent.llm.native import Context, Model, Row, Shape


@dataclass(frozen=True, slots=True)
class Beams:
    """How wide to search.

    Attributes:
        width: outputs followed side by side.
        max_tokens: the longest output.
        length_penalty: 0 prefers short outputs, 1 the likeliest per token, more long ones.
    """

    width: int = 4
    max_tokens: int = 64
    length_penalty: float = 1.0

    def score(self, log_likelihood: float, tokens: int) -> float:
        """`log_likelihood` over ((5 + tokens) / 6) ** length_penalty (Wu et al. 2016, arXiv 1609.08144)."""
        return log_likelihood / float(((5 + tokens) / 6) ** self.length_penalty)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """An output: its text's tokens, ln p of all it took (the end, too), and whether it came to its end."""

    tokens: tuple[int, ...]
    log_likelihood: float
    is_complete: bool
    score: float


def beam_search(model: Model, shape: Shape, prompt: Sequence[int], beams: Beams) -> list[Hypothesis]:
    """The best outputs, at most `width`, best first. With a width of 1 it is the greedy one.

    Beginnings are shared: the cells of a context of its own hold the prompt once.

    Args:
        model: loaded.
        shape: what its context is to be like; cells and sequences are made to fit.
        prompt: at least one token.
        beams: how to search.

    Raises:
        LLMError: the model can't part sequences, or the engine fails.
    """
    if not model.can_be_cut:
        raise LLMError("beam search isn't possible with this kind of model", hint="use best-of-n")
    cells = len(prompt) + (beams.width + 1) * beams.max_tokens
    return _Search(model, replace(shape, cells=cells, sequences=2 * beams.width), beams).run(prompt)


class _Search:
    def __init__(self, model: Model, shape: Shape, beams: Beams) -> None:
        self._model = model
        self._batch = shape.batch
        self._beams = beams
        self._context = Context(model, shape)
        # Sequences of the last step, and those that the next one is put together in.
        self._now, self._next = list(range(beams.width)), list(range(beams.width, 2 * beams.width))

    def run(self, prompt: Sequence[int]) -> list[Hypothesis]:
        done: list[Hypothesis] = []
        alive = [Hypothesis((), 0.0, is_complete=False, score=0.0)]
        following = self._read_prompt(prompt)
        for step in range(self._beams.max_tokens):
            alive, parents = self._grow(alive, following, done)
            if not alive or len(done) >= self._beams.width:
                break
            if step + 1 < self._beams.max_tokens:
                following = self._read(alive, parents, len(prompt) + step)
        found = done if len(done) >= self._beams.width else [*done, *alive]
        return sorted(found, key=lambda one: one.score, reverse=True)[: self._beams.width]

    def _grow(
        self, alive: list[Hypothesis], following: NDArray[np.float64], done: list[Hypothesis]
    ) -> tuple[list[Hypothesis], list[int]]:
        """The best longer outputs, and which one each comes from; those that end go to `done`."""
        totals = following + np.array([[one.log_likelihood] for one in alive])
        # `width` of them could end.
        most = min(2 * self._beams.width, totals.size)
        best = np.argpartition(-totals, most - 1, axis=None)[:most]
        best = best[np.argsort(-totals.ravel()[best], kind="stable")]
        grown: list[Hypothesis] = []
        parents: list[int] = []
        for rank, flat in enumerate(best):
            parent, token = divmod(int(flat), totals.shape[1])
            one = self._longer(alive[parent], token, float(totals[parent, token]))
            if one.is_complete:
                # An end that wouldn't have been gone on with doesn't count.
                done += [one] if rank < self._beams.width else []
            elif len(grown) < self._beams.width:
                grown.append(one)
                parents.append(parent)
        return grown, parents

    def _longer(self, one: Hypothesis, token: int, log_likelihood: float) -> Hypothesis:
        score = self._beams.score(log_likelihood, len(one.tokens) + 1)
        if self._model.ends(token):
            return Hypothesis(one.tokens, log_likelihood, is_complete=True, score=score)
        return Hypothesis((*one.tokens, token), log_likelihood, is_complete=False, score=score)

    def _read_prompt(self, prompt: Sequence[int]) -> NDArray[np.float64]:
        last = len(prompt) - 1
        for start in range(0, len(prompt), self._batch):
            part = prompt[start : start + self._batch]
            rows = [Row(token, start + n, self._now[0], start + n == last) for n, token in enumerate(part)]
            self._decode(rows)
        return self._likelihoods([len(rows) - 1])

    def _read(self, alive: list[Hypothesis], parents: list[int], place: int) -> NDArray[np.float64]:
        for target, parent in zip(self._next, parents, strict=False):
            self._context.copy(self._now[parent], target, place)
        for old in self._now:
            self._context.cut(old, 0)
        self._now, self._next = self._next, self._now
        self._decode([Row(one.tokens[-1], place, self._now[n], True) for n, one in enumerate(alive)])
        return self._likelihoods(range(len(alive)))

    def _decode(self, rows: list[Row]) -> None:
        if code := self._context.decode(rows):
            raise LLMError(
                f"llama.cpp failed with code {code}", hint="`ragent models doctor` tests the engine"
            )

    def _likelihoods(self, rows: Sequence[int]) -> NDArray[np.float64]:
        logits = np.stack([self._context.logits(row) for row in rows]).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        found: NDArray[np.float64] = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return found
