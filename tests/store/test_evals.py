from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ragent.store import Collection, Store
from ragent.store.evals import (
    add_eval_run,
    add_outcomes,
    find_eval_run,
    outcomes_by_key,
    outcomes_of,
    put_values,
)
from tests.databases import bytes_held
from tests.making import FINGERPRINT, new_document

SENTENCE = "The boatswain moored the quaint trawler."


def add_run(store: Store, run_id: str, collection: str, prefix: str, rows: list[dict[str, Any]]) -> None:
    with store.writing() as connection:
        add_eval_run(
            connection,
            {
                "id": run_id,
                "name": run_id,
                "set_name": "set",
                "split": "",
                "version": "v",
                "corpus": "c",
                "collection": collection,
                "configuration": {"prefix": prefix},
                "cases": len(rows),
                "metrics": {"f1": {"value": 1.0, "slices": {"about": {SENTENCE: {}, "boats": {}}}}},
                "seconds": 0.0,
                "created_at": datetime.now(UTC),
            },
        )
        add_outcomes(
            connection,
            [
                {"run_id": run_id, "number": number, "key": f"{run_id}-{row['case_id']}", "values": {}, **row}
                for number, row in enumerate(rows)
            ],
        )
        put_values(connection, run_id, {row["case_id"]: {"f1": 0.5} for row in rows})


def row(id_: str, outcome: dict[str, Any], **case: Any) -> dict[str, Any]:
    case = {"id": id_, "kind": "answer", "question": "Who?", **case}
    return {"case_id": id_, "case": case, "outcome": {"case_id": id_, "cost": {"seconds": 1.0}, **outcome}}


def test_forgetting_takes_the_words_out_of_what_speaks_of_a_document(
    store: Store, collection: Collection
) -> None:
    own = store.ensure_collection("set-1", FINGERPRINT)
    store.write(
        collection, [new_document("file:///a", [SENTENCE]), new_document("file:///b", ["Cats sleep."])]
    )
    store.write(own, [new_document("set:p%200", [SENTENCE]), new_document("set:p1", ["Cats sleep."])])
    add_run(
        store,
        "run-one",
        "default",
        "",
        [
            row("found", {"text": "A sailor did.", "found": {"ids": ["file:///a"]}}),
            row("other", {"text": "Cats.", "found": {"ids": ["file:///b"]}}),
            row("retold", {"text": f"It says: {SENTENCE}"}),
            row("asked", {"text": "Yes."}, passages=[{"text_id": "file:///a", "quote": "a trawler"}]),
            row("failed", {"error": "ParseError: near the trawler"}),
        ],
    )
    add_run(
        store,
        "run-two",
        "set-1",
        "set:",
        [
            row("found", {"text": "A sailor did.", "quotes": [{"text_id": "p 0", "start": 0}]}),
            row("other", {"text": "Cats.", "found": {"ids": ["p1"]}}),
        ],
    )
    store.erase(
        [document_id for uri in ("file:///a", "set:p%200") for document_id, _ in store.find_documents(uri)]
    )
    with store.reading() as connection:
        one = {row.case_id: row for row in outcomes_of(connection, "run-one")}
        two = {row.case_id: row for row in outcomes_of(connection, "run-two")}
        run = find_eval_run(connection, "run-one")
        assert set(outcomes_by_key(connection, ["run-one-found", "run-one-other"])) == {"run-one-other"}
    for emptied in (one["found"], one["retold"], one["asked"], one["failed"], two["found"]):
        assert emptied.outcome == {"case_id": emptied.case_id, "cost": {"seconds": 1.0}}
        assert emptied.case == {"id": emptied.case_id, "kind": "answer", "question": ""}
        assert (emptied.key, emptied.values) == ("", {"f1": 0.5})
    for kept in (one["other"], two["other"]):
        assert (kept.outcome["text"], kept.case["question"]) == ("Cats.", "Who?")
    assert run.metrics == {"f1": {"value": 1.0, "slices": {"about": {"boats": {}}}}}
    held = bytes_held(store)
    for words in (b"quaint trawler", b"file:///a"):
        assert words not in held
