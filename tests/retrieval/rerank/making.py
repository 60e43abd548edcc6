"""Hits for the tests of rerankers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ragent.config import RerankSettings
from ragent.retrieval import SearchContext
from ragent.types import Hit


def make_hits(texts: Sequence[str], scores: Sequence[float] | None = None, context: str = "") -> list[Hit]:
    """One hit a text, best first; chunk ids count from 1."""
    scores = scores or [1 - 0.01 * place for place in range(len(texts))]
    return [
        Hit(rank, score, rank, rank, f"d{rank}", "", None, 0, len(text), text, context, {})
        for rank, (text, score) in enumerate(zip(texts, scores, strict=True), 1)
    ]


def check_order(before: Sequence[Hit], after: Sequence[Hit]) -> None:
    """What must hold of every reranking: the same hits, ranks from 1, scores that don't rise."""
    assert sorted(hit.chunk_id for hit in after) == sorted(hit.chunk_id for hit in before)
    assert [hit.rank for hit in after] == list(range(1, len(after) + 1))
    scores = [hit.score for hit in after]
    assert scores == sorted(scores, reverse=True)


def context(**parts: Any) -> SearchContext:
    """A context with what a test gives; nothing else in it works."""
    given: dict[str, Any] = dict.fromkeys(SearchContext.__dataclass_fields__)
    return SearchContext(**{**given, "rerank": RerankSettings(), **parts})
