"""Decides how a filtered search runs: over the few chunks that pass, or over the index.

An approximate index finds little when most of what it walks over is filtered out, and a scan of everything
that passes is exact but grows with it. So what passes is counted first. The numbers below are measured by
`evals/benchmarks/filters.py`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ragent.filters import Filter, fields
from ragent.index.fields import FieldCondition
from ragent.protocols import Ids, Vectors
from ragent.retrieval.fusion import Scores
from ragent.retrieval.views import Bounds, DenseView, View
from ragent.store import Collection, Store
from ragent.store.filtering import FLEETING

SCANNED = 1_000
"""So many are rather looked at one by one."""
_REMEMBERED_IDS = 4_000_000
"""32 MB."""

Way = Literal["scan", "index"]


@dataclass(frozen=True, slots=True)
class Scope:
    """The chunks that a filter lets through, ascending, out of `total`."""

    ids: Ids
    total: int

    @property
    def way(self) -> Way:
        """How the dense side searches."""
        return "scan" if len(self.ids) <= SCANNED else "index"

    @property
    def plan(self) -> dict[str, Any]:
        """What the plan of a search says of its filter."""
        share = len(self.ids) / self.total if self.total else 0.0
        return {"matching": len(self.ids), "selectivity": round(share, 6), "dense": self.way}

    def nearest(self, view: View, vector: Vectors, k: int) -> tuple[Ids, Scores]:
        """The `k` nearest chunks inside, or fewer, best first, with their cosines."""
        return nearest(view.dense, vector, k, self)

    def matching(self, view: View, query: str, k: int) -> tuple[Ids, Scores]:
        """At most `k` chunks inside that share a word with the query, best first, with their scores."""
        return view.keyword.search(query, k, self.ids)

    def within(self, ids: Ids) -> Ids:
        """Those of some chunks that are inside, ascending."""
        inside: Ids = np.intersect1d(ids, self.ids)
        return inside


class Planner:
    """Knows what passes which filter, for as long as nothing changes. Safe for threads."""

    def __init__(self, store: Store, collection: Collection) -> None:
        self._store = store
        self._collection = collection
        self._lock = threading.Lock()
        self._remembered: OrderedDict[tuple[int, str], Scope] = OrderedDict()

    def scope(
        self, where: Filter | None, view: View, conditions: Sequence[FieldCondition] = ()
    ) -> Bounds | None:
        """What passes a filter and the query's conditions on fields; None for everything.

        Raises:
            QueryError: a value doesn't suit its field.
        """
        if view.moment is not None:
            return view.moment.bounds(where, conditions)
        passing = None if where is None else self._passing(where, view.generation)
        ids = view.keyword.matching(conditions) if conditions else None
        if ids is None:
            return passing
        if passing is None:
            return Scope(ids, len(view.keyword))
        return Scope(np.intersect1d(passing.ids, ids, assume_unique=True), passing.total)

    def _passing(self, where: Filter, generation: int) -> Scope:
        # By its text: 1, 1.0 and True are equal to Python, but not to a filter.
        key = generation, repr(where)
        with self._lock:
            if key in self._remembered:
                self._remembered.move_to_end(key)
                return self._remembered[key]
        ids = self._store.matching(self._collection.id, where)
        scope = Scope(ids, self._store.counts(self._collection.id).chunks)
        if not fields(where) & FLEETING:
            self._remember(key, scope)
        return scope

    def _remember(self, key: tuple[int, str], scope: Scope) -> None:
        with self._lock:
            for old in [old for old in self._remembered if old[0] != key[0]]:
                del self._remembered[old]
            self._remembered[key] = scope
            held = sum(len(each.ids) for each in self._remembered.values())
            while held > _REMEMBERED_IDS and len(self._remembered) > 1:
                held -= len(self._remembered.popitem(last=False)[1].ids)


def nearest(index: DenseView, vector: Vectors, k: int, scope: Scope | None = None) -> tuple[Ids, Scores]:
    """The `k` nearest chunks of the scope, or fewer, best first, with their cosines."""
    if scope is not None and scope.way == "scan":
        scores = index.score(vector, scope.ids)
        # The index may be a commit behind the scope, and not know the newest yet.
        known = np.flatnonzero(~np.isnan(scores))
        best = known[np.argpartition(-scores[known], k)[:k]] if len(known) > k else known
        order = best[np.lexsort((best, -scores[best]))]
        return scope.ids[order], scores[order]
    ids, found = index.search(vector[None], k, None if scope is None else scope.ids)
    there = ids[0] >= 0
    return ids[0][there], found[0][there]
