"""Likeness of meaning."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ragent.protocols import Embedder, Vectors
from ragent_evals.metrics.answers.expecting import KINDS, expected, is_known, said
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case, Kind


def open_semantic_similarity(context: MetricContext) -> Metric:
    """How alike the answer and the likest right one are in meaning: the cosine of their vectors.

    Source: Risch et al. 2021 (arXiv:2108.06130), which calls it the bi-encoder's. It tells the matter rather
    than the fact: a wrong number hardly lowers it. Below 0 counts as 0; for a question without an answer,
    silence is 1 and anything else 0.
    """
    return SemanticSimilarity(context.embedder)


@dataclass(frozen=True, slots=True)
class SemanticSimilarity:
    """A `Metric` that embeds all texts at once, as queries, whose length isn't bounded."""

    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    name: ClassVar[str] = "semantic_similarity"
    higher_is_better: ClassVar[bool] = True
    embedder: Callable[[], Embedder]

    def values(self, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> list[float | None]:
        """See `Metric`."""
        pairs = list(zip(cases, outcomes, strict=True))
        asked = [pair for pair in pairs if self._applies(pair[0])]
        texts = {text for case, outcome in asked for text in (said(outcome), *expected(case))}
        vectors = self._vectors(texts)
        return [self._value(*pair, vectors) if self._applies(pair[0]) else None for pair in pairs]

    def _applies(self, case: Case) -> bool:
        return case.kind in self.kinds and is_known(case)

    def _value(self, case: Case, outcome: Outcome, vectors: Mapping[str, Vectors]) -> float:
        given, wanted = said(outcome), expected(case)
        if given not in vectors or wanted == ("",):
            return float(not outcome.error and given not in vectors and wanted == ("",))
        return float(np.clip(max(vectors[given] @ vectors[each] for each in wanted), 0, 1))

    def _vectors(self, texts: Collection[str]) -> dict[str, Vectors]:
        worded = sorted(text for text in texts if text.strip())
        if not worded:
            return {}
        vectors = self.embedder().embed_queries(worded)
        return dict(zip(worded, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), strict=True))
