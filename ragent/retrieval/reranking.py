"""Sends the best hits through rerankers, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ragent.protocols import Reranker
from ragent.retrieval.clock import Clock
from ragent.types import Hit


def rerank(
    rerankers: Mapping[str, Reranker], query: str, hits: Sequence[Hit], clock: Clock
) -> tuple[Hit, ...]:
    """All of `hits` in the order of the last reranker; explanations note the score of each stage."""
    for name, reranker in rerankers.items():
        with clock.step(f"rerank {name}"):
            hits = [noted(hit, name) for hit in reranker.rerank(query, hits)]
    return tuple(hits)


def noted(hit: Hit, stage: str) -> Hit:
    """The hit, with its score noted as that of a stage, where it explains itself."""
    if hit.explanation is None:
        return hit
    stages = {**hit.explanation.stages, stage: hit.score}
    return replace(hit, explanation=replace(hit.explanation, stages=stages))
