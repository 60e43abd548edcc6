"""What a comparison of two runs says."""

from __future__ import annotations

from dataclasses import dataclass

SIGNIFICANCE = 0.05


@dataclass(frozen=True, slots=True)
class Difference:
    """How far run B is from run A by a metric, over all cases or over those of a slice.

    Attributes:
        metric: its name.
        slice: "" for all cases, else which, as "source=handbook".
        cases: how many were compared: those of which the metric says something in both runs.
        before: A's mean (or figure, where only a whole set has one) over these cases.
        after: B's.
        difference: `after` less `before`.
        low: the lower end of its 95 % paired bootstrap interval.
        high: the upper end.
        p: of the paired permutation test, two-sided.
        corrected_p: the same after Holm's correction: over all metrics of quality, over all of cost, or for a
            slice over all metrics and slices.
        higher_is_better: which way is up.
        won: how many cases are better in B; 0 where only a whole set has a figure.
        lost: how many are worse.
    """

    metric: str
    slice: str
    cases: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    p: float
    corrected_p: float
    higher_is_better: bool
    won: int
    lost: int

    @property
    def gain(self) -> float:
        """The difference, positive where B is the better one."""
        return self.difference if self.higher_is_better else -self.difference

    @property
    def verdict(self) -> str:
        """What can be said of it at the 5 % level, after the correction: "better", "worse" or "unclear"."""
        if self.corrected_p > SIGNIFICANCE:
            return "unclear"
        return "better" if self.gain > 0 else "worse"


@dataclass(frozen=True, slots=True)
class Changed:
    """A case of which a metric says something else in B; `gain` is positive where B is the better one."""

    case_id: str
    question: str
    metric: str
    before: float
    after: float
    gain: float


@dataclass(frozen=True, slots=True)
class CostRatio:
    """What a case costs, by the medians of both runs.

    `ratio` is B's over A's, with its 95 % paired bootstrap interval; None where A's median is 0.
    """

    name: str
    before: float
    after: float
    ratio: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Run B beside run A.

    Attributes:
        a: the first run's title.
        b: the second's.
        a_id: the first run's id.
        b_id: the second's.
        set_name: the set that both ran.
        split: its split.
        cases: how many cases both did.
        metrics: a difference a metric, over all cases.
        slices: a difference for each metric of quality and slice.
        changed: the cases that changed, a metric after another, the largest changes first.
        costs: what a case costs.
        configuration: the settings that differ: by name, A's and B's.
        left_out: the metrics that only one of the runs has.
    """

    a: str
    b: str
    a_id: str
    b_id: str
    set_name: str
    split: str
    cases: int
    metrics: tuple[Difference, ...]
    slices: tuple[Difference, ...]
    changed: tuple[Changed, ...]
    costs: tuple[CostRatio, ...]
    configuration: dict[str, tuple[object, object]]
    left_out: tuple[str, ...]

    @property
    def losses(self) -> tuple[Difference, ...]:
        """The metrics that are worse over all cases, beyond chance, what cases cost included."""
        return tuple(one for one in self.metrics if one.verdict == "worse")
