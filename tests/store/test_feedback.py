from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ragent.store import Collection, Store
from ragent.store.feedback import add_feedback, drop_feedback, list_feedback
from tests.databases import bytes_held
from tests.making import FINGERPRINT, new_document

WORDS = "The boatswain moored the quaint trawler."


def row(id_: str, **changed: Any) -> dict[str, Any]:
    answer = {"text": "At dusk.", "read": ["file:///b"], "understood": "", "abstained": False}
    said = {"owner": "", "collection": "default", "question": "When?", "rating": 1, "comment": ""}
    return {"id": id_, "answer": answer, "correction": "", "trace_id": ""} | said | changed


def ids(store: Store, collection: str = "default", **wanted: Any) -> list[str]:
    with store.reading() as connection:
        return sorted(each.id for each in list_feedback(connection, collection, **wanted))


def test_feedback_is_listed_by_collection_rating_and_time(store: Store) -> None:
    old = datetime.now(UTC) - timedelta(days=9)
    with store.writing() as connection:
        add_feedback(connection, row("new"))
        add_feedback(connection, row("old", created_at=old, rating=-1))
        add_feedback(connection, row("other", collection="law"))
        assert [each.id for each in list_feedback(connection, "default")] == ["new", "old"]
    assert ids(store, ratings=[-1]) == ["old"]
    assert ids(store, since=datetime.now(UTC) - timedelta(days=1)) == ["new"]
    with store.writing() as connection:
        assert drop_feedback(connection, "old")
        assert not drop_feedback(connection, "old")
    assert ids(store) == ["new"]


@pytest.mark.parametrize(
    "changed",
    [
        {"answer": {"text": "", "read": ["file:///a"]}},
        {"question": f"Is this true: {WORDS}"},
        {"comment": WORDS},
        {"correction": f"No. {WORDS}"},
        {"answer": {"text": WORDS, "read": ["file:///b"]}},
        {"answer": {"text": "It was moored.", "read": []}},
        {"answer": {"text": "It was.", "read": ["file:///b"], "understood": "Was the trawler moored?"}},
    ],
)
def test_forgetting_erases_what_may_retell_a_document(
    store: Store, collection: Collection, changed: Mapping[str, Any]
) -> None:
    store.ensure_collection("other", FINGERPRINT)
    store.write(collection, [new_document("file:///a", [WORDS]), new_document("file:///b", ["At dusk."])])
    with store.writing() as connection:
        add_feedback(connection, row("retells", **changed))
        add_feedback(connection, row("stays"))
        add_feedback(connection, row("silent", answer={"text": "No answer.", "abstained": True, "read": []}))
        add_feedback(connection, row("elsewhere", collection="other", answer={"text": "No.", "read": []}))
    store.erase([document_id for document_id, _ in store.find_documents("file:///a")])
    assert ids(store) == ["silent", "stays"]
    assert ids(store, "other") == ["elsewhere"]
    assert b"quaint trawler" not in bytes_held(store)
