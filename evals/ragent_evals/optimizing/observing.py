"""What one ask tells: what the answer is worth shown, and withheld. So every threshold is tried at once.

An answer below the threshold of support is withheld, and that changes nothing else about it. A case that was
asked once with the threshold at 0 therefore says what any threshold would have made of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragent_evals.metrics.metric import Metric
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case

Values = NDArray[np.float64]

LEAST_ANSWERED = 0.25
"""A threshold must leave so many questions answered: where half of a set is best met by silence, nothing
but silence would often be the best answer to all of it, and no use to anyone."""

_WIDTH = 20


@dataclass(frozen=True, slots=True)
class Quote:
    """Where an answer stands, by address and not by its words: a home may be made to forget those."""

    text_id: str
    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Seen:
    """How one case went.

    Attributes:
        shown: what the metric says of the answer; None where it has no say.
        withheld: what it says of silence; None likewise.
        support: how sure the program was; -1 where it was silent of itself.
        seconds: of the processor.
        quote: where the answer stands.
    """

    shown: float | None
    withheld: float | None
    support: float
    seconds: float
    quote: Quote | None = None

    def at(self, threshold: float) -> float | None:
        """What the case is worth under a threshold; None where the metric has no say about that."""
        return self.shown if self.support >= threshold else self.withheld

    def as_json(self) -> dict[str, Any]:
        """For the journal."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Seen:
        """What `as_json` gave."""
        quote = value.pop("quote")
        return cls(**value, quote=Quote(**quote) if quote else None)


def observe(metric: Metric, case: Case, outcome: Outcome, quote: Quote | None) -> Seen:
    """What came of a case, which should have been asked with no threshold. Better is always more."""
    silent = replace(outcome, text="", abstained=True, quotes=(), value=None, calls=())
    shown, withheld = (metric.values([case], [each])[0] for each in (outcome, silent))
    sign = 1.0 if metric.higher_is_better else -1.0
    support = -1.0 if outcome.abstained else outcome.support
    return Seen(
        None if shown is None else sign * shown,
        None if withheld is None else sign * withheld,
        1.0 if support is None else support,
        outcome.cost.seconds,
        quote,
    )


def with_a_say(rows: Sequence[Sequence[Seen]], threshold: float | None) -> list[list[Seen]]:
    """Rows of the same cases without those cases of which the metric doesn't say something in each row.

    So that all rows are compared on the same cases. With a threshold that is still to be found (None), it
    must say something of the answer and of silence. A row that it says nothing of at all leaves none out.
    """

    def speaks(one: Seen) -> bool:
        if threshold is None:
            return one.shown is not None and one.withheld is not None
        return one.at(threshold) is not None

    said = [[speaks(one) for one in row] for row in rows]
    judged = [row for row in said if any(row)]
    kept = [all(column) for column in zip(*judged, strict=True)]
    return [
        [one for one, keep in zip(row, kept, strict=True) if keep] if any(spoken) else []
        for row, spoken in zip(rows, said, strict=True)
    ]


def values_at(seen: Sequence[Seen], threshold: float) -> Values:
    """Each case's value under a threshold, shape (cases,); NaN where the metric has no say."""
    return np.array([one.at(threshold) for one in seen], np.float64)


def answered_at(seen: Sequence[Seen], threshold: float) -> float:
    """The share that gets an answer."""
    return float(np.mean([one.support >= max(0.0, threshold) for one in seen]))


def mean_at(seen: Sequence[Seen], threshold: float) -> float:
    """The mean value under a threshold."""
    return float(values_at(seen, threshold).mean())


def worth_at_all(seen: Sequence[Seen]) -> float:
    """The mean value over all thresholds that leave enough answered.

    It ranks candidates whose threshold is still to be found: the best threshold of a few cases is mostly
    luck, and their mean is much less so.
    """
    return float(_curve(seen)[: _most_withheld(len(seen)) + 1].mean())


def best_threshold(seen: Sequence[Seen]) -> float:
    """The threshold whose neighbourhood does best: one good threshold between two bad ones is luck."""
    curve = _curve(seen)
    width = len(seen) // _WIDTH
    padded = np.pad(curve, width, mode="edge")
    smooth = np.convolve(padded, np.full(2 * width + 1, 1 / (2 * width + 1)), "valid")
    withheld = int(smooth[: _most_withheld(len(seen)) + 1].argmax())
    supports = sorted(max(0.0, one.support) for one in seen)
    if not withheld:
        return 0.0
    return round((supports[withheld - 1] + supports[min(withheld, len(seen) - 1)]) / 2, 4)


def _most_withheld(count: int) -> int:
    return int(count * (1 - LEAST_ANSWERED))


def _curve(seen: Sequence[Seen]) -> Values:
    """The mean value if the n least supported are withheld, for n from 0 to all: shape (cases + 1,)."""
    ordered = sorted(seen, key=lambda one: one.support)
    shown = np.array([one.shown for one in ordered], np.float64)
    withheld = np.array([one.withheld for one in ordered], np.float64)
    gains = np.concatenate([[0.0], np.cumsum(withheld - shown)])
    curve: Values = (shown.sum() + gains) / len(ordered)
    return curve
