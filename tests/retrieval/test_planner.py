from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ragent.config import IndexSettings
from ragent.filters import Compare, parse_filter
from ragent.retrieval import Indexes
from ragent.retrieval.kinds import kind_of
from ragent.retrieval.planner import Planner, Scope, nearest
from ragent.store import Collection, Store
from tests.making import HashedWords, new_document


def put(store: Store, collection: Collection, **values: object) -> None:
    documents = [new_document(uri, [f"text of {uri}"]) for uri in values]
    store.write(
        collection,
        [
            replace(new, document=replace(new.document, metadata={"a": value}))
            for new, value in zip(documents, values.values(), strict=True)
        ],
    )


def test_what_passes_is_remembered_until_something_changes(store: Store, collection: Collection) -> None:
    put(store, collection, x=1, y=2)
    indexes, planner = Indexes(store, collection, IndexSettings(kind="flat")), Planner(store, collection)
    where = parse_filter({"a": 1})

    def scope() -> Scope:
        with indexes.view() as view:
            found = planner.scope(where, view)
        assert found is not None
        return found

    first = scope()
    assert (len(first.ids), first.total) == (1, 2)
    assert scope() is first
    put(store, collection, z=1)
    assert (len(scope().ids), scope().total) == (2, 3)


def test_equal_to_python_is_not_equal_to_a_filter(store: Store, collection: Collection) -> None:
    put(store, collection, x=1, y=True, z=[True, 1])
    planner = Planner(store, collection)
    with Indexes(store, collection, IndexSettings(kind="flat")).view() as view:
        scopes = [planner.scope(Compare("a", "=", value), view) for value in (1, True, 1.0, 0)]
    assert [len(scope.ids) for scope in scopes if scope] == [2, 2, 2, 0]
    assert scopes[0] is not scopes[1]


def test_the_nearest_within_a_scope(store: Store, collection: Collection) -> None:
    put(store, collection, **{f"d{n}": n for n in range(30)})
    vector = HashedWords().embed_queries(["text of d7"])[0]
    with Indexes(store, collection, IndexSettings(kind="flat")).view() as view:
        everything, scores = nearest(view.dense, vector, 30, None)
        ids = np.array([*sorted(everything.tolist())[::3], 999])
        found, cosines = nearest(view.dense, vector, 4, Scope(ids, 30))
        assert not len(nearest(view.dense, vector, 4, Scope(ids[:0], 30))[0])
    inside = np.isin(everything, ids)
    assert found.tolist() == everything[inside][:4].tolist()
    np.testing.assert_allclose(cosines, scores[inside][:4], rtol=1e-5)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ('the "annual report" of 2020', "phrase"),
        ("where is readFile defined", "code"),
        ("max_tokens", "code"),
        ("error E-1042 at start", "code"),
        ("Who approves a refund", "question"),
        ("a refund over 500 EUR?", "question"),
        ("refund policy", "short"),
        ("Vitamin D lowers the risk of fractures in the old", "statement"),
        ("json.loads of two parts", "code"),
        ("mRNA and CD44 in p53 mutant cells", "statement"),
        ("the U.S. economy e.g. trade and 3.5 percent", "statement"),
    ],
)
def test_kinds_of_queries(query: str, kind: str) -> None:
    assert kind_of(query) == kind
