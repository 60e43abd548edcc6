"""What passages have in common with the stretches of text that answer a question.

Source: Smith and Troynikov, "Evaluating chunking strategies for retrieval" (Chroma 2024). Text that is
retrieved twice counts twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ragent.errors import EvalError
from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


@dataclass(frozen=True, slots=True)
class Stretch:
    """Characters of a text."""

    text_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Places:
    """Turns characters into what is counted. `starts`: where each unit of a text begins, ascending."""

    starts: NDArray[np.int64]

    def units(self, start: int, end: int) -> range:
        """The units that begin in a stretch of characters."""
        first, last = np.searchsorted(self.starts, (start, end))
        return range(int(first), int(last))


@dataclass(frozen=True, slots=True)
class Overlap:
    """Of what is wanted how much was found, the other way around, and their intersection over union."""

    recall: float
    precision: float
    iou: float


Units = Callable[[Stretch], range]
"""The units in a stretch, numbered through its text."""


def overlap(wanted: Iterable[Stretch], found: Iterable[Stretch], units: Units) -> Overlap:
    """Compare stretches of texts, counted in units. Nothing wanted: all of it is found."""
    sought = {(each.text_id, unit) for each in wanted for unit in units(each)}
    retrieved = [(each.text_id, unit) for each in found for unit in units(each)]
    common = len(sought.intersection(retrieved))
    union = len(retrieved) + len(sought) - common
    return Overlap(
        common / len(sought) if sought else 1.0, common / max(len(retrieved), 1), common / max(union, 1)
    )


def units_in(places: Mapping[str, Places]) -> Units:
    """Units by the places of each text."""
    return lambda stretch: places[stretch.text_id].units(stretch.start, stretch.end)


def open_overlap(context: MetricContext, name: str, figure: Callable[[Overlap], float]) -> Metric:
    """A metric over the first k passages found and the stretches of the case's passages.

    It counts the embedder's tokens, or characters where the set brings no texts. It has a say about cases
    that tell where the answer stands, to the character.
    """
    units = _token_units(context) if context.texts else _characters

    def of(case: Case, outcome: Outcome) -> float:
        found = [Stretch(each.text_id, each.start, each.end) for each in outcome.found[: context.k]]
        return figure(overlap(_stretches(case), found, units))

    return PerCase(f"{name}@{context.k}", ("retrieval", "answer"), of, lambda case: bool(_stretches(case)))


def _stretches(case: Case) -> Sequence[Stretch]:
    return [
        Stretch(each.text_id, each.start, each.end)
        for each in case.passages
        if each.start is not None and each.end is not None
    ]


def _characters(stretch: Stretch) -> range:
    return range(stretch.start, stretch.end)


def _token_units(context: MetricContext) -> Units:
    @cache
    def places(text_id: str) -> Places:
        if text_id not in context.texts:
            raise EvalError(
                f"a passage is of {text_id!r}, which is no text of the set", hint="run the set anew"
            )
        offsets = context.embedder().tokenizer.offsets(context.texts[text_id].text)
        return Places(np.array([start for start, _ in offsets], np.int64))

    return lambda stretch: places(stretch.text_id).units(stretch.start, stretch.end)
