"""What a metric is.

A package adds one by an entry point in the group `ragent.metrics`: a name, and a factory
`(MetricContext) -> Metric`. Nothing is computed, opened or loaded before a metric that needs it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ragent.protocols import LLM, Embedder
from ragent.types import Sampling
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case, Text


@dataclass(frozen=True, slots=True)
class MetricContext:
    """What a metric may use.

    Attributes:
        texts: those of the set, by id.
        embedder: opens the embedder.
        llm: opens the language model, for judges.
        k: how many results count where a metric has no number of its own.
        sampling: how a judge decodes.
    """

    texts: Mapping[str, Text]
    embedder: Callable[[], Embedder]
    llm: Callable[[], LLM]
    k: int = 10
    sampling: Sampling = field(default_factory=Sampling)


@runtime_checkable
class Metric(Protocol):
    """A figure for each case, whose mean is the set's figure.

    Attributes:
        name: as reports show it, "f1" or "ndcg@10".
        higher_is_better: which way is up.
    """

    @property
    def name(self) -> str: ...

    @property
    def higher_is_better(self) -> bool: ...

    def values(self, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> Sequence[float | None]:
        """One for each case, in order; None where the metric has no say about a case."""
        ...


@runtime_checkable
class SetMetric(Protocol):
    """A figure that only a whole set has: an area under a curve, say, or a calibration error."""

    @property
    def name(self) -> str: ...

    @property
    def higher_is_better(self) -> bool: ...

    def value(self, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> float | None:
        """The figure; None where these cases don't define it. Intervals come from resampled cases."""
        ...
