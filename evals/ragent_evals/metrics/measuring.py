"""What most metrics are: a figure computed from one case at a time, or from a row of signs of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case, Kind

EVERY_KIND: tuple[Kind, ...] = get_args(Kind)
Rows = NDArray[np.float64]
Row = Callable[[Case, Outcome], tuple[float, ...] | None]
"""The numbers of a case, as many for each; None where there are none."""


def always(_: Case) -> bool:
    """Whatever the case."""
    return True


@dataclass(frozen=True, slots=True)
class PerCase:
    """A `Metric` that looks at one case at a time.

    Attributes:
        name: as reports show it.
        kinds: the kinds of cases that it has a say about.
        of: the figure of a case; None where there is none.
        applies: of these kinds, about which cases it has a say.
        higher_is_better: which way is up.
        failed: the figure of a case that came to an error.
    """

    name: str
    kinds: tuple[Kind, ...]
    of: Callable[[Case, Outcome], float | None]
    applies: Callable[[Case], bool] = always
    higher_is_better: bool = True
    failed: float | None = 0.0

    def values(self, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> list[float | None]:
        """See `Metric`."""
        return [self._value(case, outcome) for case, outcome in zip(cases, outcomes, strict=True)]

    def _value(self, case: Case, outcome: Outcome) -> float | None:
        if case.kind not in self.kinds or not self.applies(case):
            return None
        return self.failed if outcome.error else self.of(case, outcome)


def rows_of(kinds: Sequence[Kind], row: Row, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> Rows:
    """A row for each case of these kinds that has one, shape (such cases, numbers), in order."""
    pairs = zip(cases, outcomes, strict=True)
    found = (row(case, outcome) for case, outcome in pairs if case.kind in kinds)
    return np.array([each for each in found if each is not None], np.float64)


@dataclass(frozen=True, slots=True)
class PerSet:
    """A `SetMetric` that needs no more of a case than a few numbers.

    They are computed once, by `rows`; to resample cases is to resample rows, of which `of` makes the figure.

    Attributes:
        name: as reports show it.
        kinds: the kinds of cases that it has a say about.
        row: the numbers of a case; None where it has no say.
        of: the figure of some rows, shape (cases, numbers), at least one of them; None where they have none.
        higher_is_better: which way is up.
    """

    name: str
    kinds: tuple[Kind, ...]
    row: Row
    of: Callable[[Rows], float | None]
    higher_is_better: bool = True

    def rows(self, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> Rows:
        """The numbers of those cases that have any, shape (such cases, numbers), in order."""
        return rows_of(self.kinds, self.row, cases, outcomes)

    def value(self, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> float | None:
        """See `SetMetric`."""
        rows = self.rows(cases, outcomes)
        return self.of(rows) if len(rows) else None
