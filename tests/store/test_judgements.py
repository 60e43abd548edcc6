from __future__ import annotations

from ragent.store import Collection, Store
from ragent.store.judgements import add_vote, arenas, find_judgement, keep_judgement, votes_in
from tests.databases import bytes_held
from tests.making import FINGERPRINT, new_document

VOTE = {
    "id": "1",
    "arena": "harbour",
    "case_id": "one",
    "question": "Who moored the quaint trawler?",
    "left": "small",
    "right": "large",
    "left_answer": "The boatswain moored the quaint trawler.",
    "right_answer": "Nobody.",
    "winner": "left",
    "voter": "ann",
    "is_human": True,
}


def test_the_newest_verdict_under_a_key_counts(store: Store) -> None:
    with store.writing() as connection:
        assert find_judgement(connection, "key") is None
        keep_judgement(connection, "key", "default", {"yes": 0.1})
        keep_judgement(connection, "key", "default", {"yes": 0.9})
        assert find_judgement(connection, "key") == {"yes": 0.9}


def test_forgetting_erases_verdicts_and_the_words_of_votes(store: Store, collection: Collection) -> None:
    other = store.ensure_collection("other", FINGERPRINT)
    store.write(collection, [new_document("file:///a", ["The boatswain moored the quaint trawler."])])
    store.write(other, [new_document("file:///b", ["Cats sleep."])])
    with store.writing() as connection:
        for name in ("default", "other", ""):
            keep_judgement(connection, f"of {name}", name, {"yes": 1})
        add_vote(connection, VOTE)
    store.erase([document_id for document_id, _ in store.find_documents("file:///a")])
    with store.reading() as connection:
        assert [find_judgement(connection, f"of {name}") for name in ("default", "other", "")] == [
            None,
            {"yes": 1},
            None,
        ]
        assert arenas(connection) == ["harbour"]
        (vote,) = votes_in(connection, "harbour")
    assert (vote.winner, vote.voter, vote.question, vote.left_answer) == ("left", "ann", "", "")
    assert b"quaint trawler" not in bytes_held(store)
