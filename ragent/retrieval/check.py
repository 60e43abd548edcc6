"""Proves that the derived indexes say what the store says: the second half of `ragent fsck`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ragent.config import IndexSettings
from ragent.retrieval.indexes import Indexes
from ragent.retrieval.opening import searches_itself
from ragent.retrieval.techniques.naming import check_names
from ragent.retrieval.views import View
from ragent.store import Collection, Problem, Snapshot, Store

_MEND = "ragent index rebuild"
_TOLERANCE = 1e-3


def check_indexes(store: Store, collection: Collection, settings: IndexSettings) -> list[Problem]:
    """Compare the indexes of a collection, brought up to date, with the store, and names with their texts."""
    if searches_itself(store, settings):
        return _check_database(store, collection)
    indexes = Indexes(store, collection, settings)
    with indexes.view() as view, store.snapshot(collection) as snapshot:
        if snapshot.generation != view.generation:
            return []  # someone is writing; what was there before has been checked
        where = f"collection {collection.name}"
        return [*_check(view, snapshot, where), *check_names(snapshot, where)]


def _check_database(store: Store, collection: Collection) -> list[Problem]:
    from ragent.retrieval.database.check import check_words

    where = f"collection {collection.name}"
    with store.snapshot(collection) as snapshot:
        return [*check_words(snapshot, where), *check_names(snapshot, where)]


def _check(view: View, snapshot: Snapshot, where: str) -> Iterator[Problem]:
    live = snapshot.live()
    held = np.sort(np.setdiff1d(view.dense.ids, view.dense.dead))
    if not np.array_equal(held, live):
        yield Problem(where, "the dense index holds other chunks than the database", _MEND)
        return
    if len(view.keyword) != len(live):
        yield Problem(where, "the keyword index holds other chunks than the database", _MEND)
    wrong = sum(
        # an id that the index doesn't know scores NaN, which is within no tolerance
        not abs(float(view.dense.score(vector, ids[i : i + 1])[0]) - float(vector @ vector)) <= _TOLERANCE
        for ids, vectors in snapshot.vectors(0)
        for i, vector in enumerate(vectors)
    )
    if wrong:
        yield Problem(where, f"the dense index holds {wrong} wrong vectors", _MEND)
