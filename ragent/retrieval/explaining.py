"""Says why hits stand where they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ragent.protocols import Vectors
from ragent.retrieval.candidates import Candidates
from ragent.retrieval.views import View
from ragent.types import Explanation, Hit


def explained(hits: Sequence[Hit], found: Candidates, query: str, view: View | None) -> tuple[Hit, ...]:
    """The hits, all of them candidates, with their scores; with a view also words and arithmetic."""
    places = {int(id_): place for place, id_ in enumerate(found.ids.tolist())}
    terms: dict[str, Vectors] = {}
    if view is not None and view.has_keyword:
        terms = view.keyword.contributions(query, np.array([hit.chunk_id for hit in hits], np.int64))
    told = []
    for row, hit in enumerate(hits):
        place = places[hit.chunk_id]
        dense = None if found.dense is None else float(found.dense[place])
        keyword = None if found.keyword is None else float(found.keyword[place])
        affinity = None if found.affinity is None else float(found.affinity[place])
        explanation = Explanation(
            dense=dense,
            keyword=keyword,
            fused=hit.score,
            affinity=affinity,
            terms={word: round(float(scores[row]), 4) for word, scores in terms.items() if scores[row]},
            fusion="" if view is None else _arithmetic(found.method, hit.score, dense, keyword, affinity),
        )
        told.append(replace(hit, explanation=explanation))
    return tuple(told)


def _arithmetic(
    method: dict[str, Any],
    score: float,
    dense: float | None,
    keyword: float | None,
    affinity: float | None,
) -> str:
    if dense is None or keyword is None:
        return "the cosine" if dense is not None else "the BM25 score"
    if method["fusion"] == "convex":
        weight = method["dense_weight"]
        share = f"{keyword:.2f} of {method['ceiling']:.2f}"
        fused = f"{weight:g} × {dense:.3f} + {1 - weight:g} × {share}"
        if affinity is not None:
            extra = method["affinity"]
            fused = f"({fused} + {extra:g} × {affinity:.3f} like the best two) / {1 + extra:g}"
        return f"{fused} = {score:.3f}"
    parts = f"{method['rrf_k']} + rank"
    if method["fusion"] == "rrf":
        return f"1/({parts} by meaning) + 1/({parts} by words) = {score:.4f}"
    weight = method["dense_weight"]
    return f"{2 * weight:g}/({parts} by meaning) + {2 - 2 * weight:g}/({parts} by words) = {score:.4f}"
