"""BM25 from the tables says what BM25 over the texts says, whatever was written and removed."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from ragent.config import IndexSettings
from ragent.errors import ConfigError
from ragent.index.fields import conditions_of
from ragent.retrieval import Indexes, check_indexes, open_indexes
from ragent.store import Batch, Collection, IndexedText, Move, Store
from ragent.words.queries import QueryWords
from tests.making import FINGERPRINT, new_document

Write = Callable[..., None]
SETTINGS = IndexSettings()
VOCABULARY = ("budget", "budgets", "tax", "office", "the", "letter", "harbour", "boat", "Boats", "café")
ROUNDS = 6


def bm25(texts: dict[int, list[str]], query: list[str]) -> dict[int, float]:
    """Robertson and Zaragoza's formula, written down once more."""
    mean = sum(map(len, texts.values())) / len(texts)
    scores: Counter[int] = Counter()
    for word in query:
        holding = [id_ for id_, words in texts.items() if word in words]
        rarity = math.log(1 + (len(texts) - len(holding) + 0.5) / (len(holding) + 0.5))
        for id_ in holding:
            count = texts[id_].count(word)
            scores[id_] += (
                rarity * count * 2.2 / (count + 1.2 * (1 - 0.75 + 0.75 * len(texts[id_]) / mean))  # type: ignore[assignment]
            )
    return dict(scores)


def live(store: Store, collection: Collection) -> list[IndexedText]:
    with store.snapshot(collection) as snapshot:
        return [chunk for texts in snapshot.texts(0) for chunk in texts]


def anything(chance: random.Random, longest: int = 12) -> str:
    return " ".join(chance.choices(VOCABULARY, k=chance.randint(1, longest)))


def change(store: Store, collection: Collection, chance: random.Random) -> None:
    """Write some documents, again or anew, and remove one."""
    store.write(
        collection,
        [
            new_document(
                f"d{chance.randrange(8)}",
                [anything(chance) for _ in range(chance.randint(1, 4))],
                title=anything(chance, 2),
            )
        ],
    )
    known = sorted(known.id for known in store.known_documents(collection.id).values())
    if len(known) > 4:
        store.remove(collection, [chance.choice(known)])


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_scores_are_those_of_the_formula(store: Store, collection: Collection, seed: int) -> None:
    chance, read = random.Random(seed), QueryWords().read
    other = store.ensure_collection("other", FINGERPRINT)
    for _ in range(8):
        change(store, collection, chance)
        change(store, other, chance)
    chunks = {
        chunk.chunk_id: [*read(chunk.title) * 2, *read(chunk.context), *read(chunk.text)]
        for chunk in live(store, collection)
    }
    with open_indexes(store, collection, SETTINGS).view(["keyword"]) as view:
        for _ in range(6):
            query = anything(chance, 4)
            expected = bm25(chunks, read(query))
            ids, scores = view.keyword.search(query, 1000)
            assert dict(zip(ids.tolist(), scores.tolist(), strict=True)) == pytest.approx(expected, abs=1e-4)
            assert sorted(scores.tolist(), reverse=True) == scores.tolist()
            few, best = view.keyword.search(query, 3)
            assert (few.tolist(), best.tolist()) == (ids[:3].tolist(), scores[:3].tolist())
            every = np.array(sorted(chunks))
            np.testing.assert_allclose(
                view.keyword.score(query, every),
                [expected.get(id_, 0.0) for id_ in sorted(chunks)],
                atol=1e-4,
            )
            among = every[::2]
            inside, _ = view.keyword.search(query, 1000, among)
            assert inside.tolist() == [id_ for id_ in ids.tolist() if id_ in among]
            assert all(score < view.keyword.ceiling(query) for score in scores.tolist())
        assert len(view.keyword) == len(chunks)
    assert check_indexes(store, collection, SETTINGS) == []
    assert check_indexes(store, other, SETTINGS) == []


def test_a_phrase_counts_on_top_of_its_words(store: Store, collection: Collection, write: Write) -> None:
    write(a="the tax office writes", b="office of tax", c="tax office and tax office", d="boats")
    with open_indexes(store, collection, SETTINGS).view() as view:
        keyword = view.keyword
        ids, loose = keyword.search("tax office", 9)
        by_id = dict(zip(ids.tolist(), loose.tolist(), strict=True))
        found, scores = keyword.search('"tax office"', 9)
        more = {id_: score - by_id[id_] for id_, score in zip(found.tolist(), scores.tolist(), strict=True)}
        assert [id_ for id_, extra in more.items() if extra > 0] == [found[0], found[1]]
        query = '"tax office" boats writes'
        added = keyword.contributions(query, ids)
        np.testing.assert_allclose(sum(added.values()), keyword.score(query, ids), rtol=1e-5)
        assert keyword.search("the of", 5)[0].tolist() == []
        assert keyword.search("\"'); drop table chunks; --", 5)[0].tolist() == []


def test_conditions_on_fields(store: Store, collection: Collection) -> None:
    store.write(
        collection,
        [
            new_document("a", ["who approves"], title="Refunds and letters"),
            new_document("b", ["refunds"], title="Cats"),
        ],
    )
    first, second = (chunk.chunk_id for chunk in live(store, collection))
    with open_indexes(store, collection, SETTINGS).view() as view:

        def matching(query: str) -> list[int] | None:
            found = view.keyword.matching(conditions_of(query)[1])
            return None if found is None else found.tolist()

        assert matching("title:refund") == [first]
        assert matching('title:"refunds letters"') == matching("heading:letter") == [first]
        assert matching('title:"letters refunds"') == matching("title:cats title:refunds") == []
        assert matching("title:cat") == [second]
        assert matching("title:the") is None


def test_a_moved_document_is_found_by_its_new_title(store: Store, collection: Collection) -> None:
    store.write(collection, [new_document("a", ["boats leave"], title="Harbour")])
    (known,) = store.known_documents(collection.id).values()
    store.apply(collection, Batch(moved=[Move(known.id, "b", "Ships", "1", None)]))
    with open_indexes(store, collection, SETTINGS).view() as view:
        assert view.keyword.matching(conditions_of("title:harbour")[1]).tolist() == []  # type: ignore[union-attr]
        assert len(view.keyword.search("ships", 5)[0]) == 1
    assert check_indexes(store, collection, SETTINGS) == []


def test_no_word_of_what_was_removed_is_left(store: Store, collection: Collection, write: Write) -> None:
    write(a="zebra and boats", b="boats")
    store.remove(collection, [store.known_documents(collection.id)["a"].id])
    with store.reading() as connection:
        held = set(connection.scalars(text("SELECT word FROM postings")))
        lexemes = connection.scalars(text("SELECT words::text FROM chunk_words")).all()
    assert held == {"boat"}
    assert lexemes == ["'1:boat':1"]


def test_what_other_words_a_copy_lacks_are_added(store: Store, collection: Collection, write: Write) -> None:
    write(a="boats leave", b="cats sleep|kittens play")
    with store.writing() as connection:
        for table in ("chunk_words", "postings", "word_totals"):
            connection.execute(text(f"DELETE FROM {table}"))
    indexes = open_indexes(store, collection, SETTINGS)
    assert indexes.info()["keyword"]["state"].startswith("3 chunks lack words")
    with indexes.view() as view:
        assert len(view.keyword.search("kitten", 5)[0]) == 1
    assert indexes.info()["keyword"]["state"] == "fresh"
    assert check_indexes(store, collection, SETTINGS) == []


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("UPDATE postings SET data = set_byte(data, 2, 9) WHERE word = 'boat'", "postings"),
        ("DELETE FROM postings WHERE word = 'cat'", "postings"),
        ("DELETE FROM chunk_words WHERE chunk_id = 1", "other words"),
        ("UPDATE chunk_words SET words = '''1:zebra'':1'", "other words"),
        ("UPDATE word_totals SET words = words + 1", "counted"),
    ],
)
def test_fsck_finds_wrong_words_and_a_rebuild_mends_them(
    store: Store, collection: Collection, write: Write, damage: str, what: str
) -> None:
    write(a="boats leave", b="cats sleep")
    with store.writing() as connection:
        connection.exec_driver_sql(damage)
    problems = check_indexes(store, collection, SETTINGS)
    assert any(what in problem.what for problem in problems)
    assert {problem.mend for problem in problems} == {"ragent index rebuild"}
    open_indexes(store, collection, SETTINGS).rebuild()
    assert check_indexes(store, collection, SETTINGS) == []


def test_which_engine_searches(store: Store, collection: Collection, tmp_path: Path) -> None:
    assert isinstance(open_indexes(store, collection, IndexSettings(engine="files")), Indexes)
    assert open_indexes(store, collection, IndexSettings(engine="database")).info()["engine"] == "database"
    with Store.open(tmp_path / "sqlite") as other:
        files = other.ensure_collection("default", FINGERPRINT)
        assert isinstance(open_indexes(other, files, IndexSettings()), Indexes)
        with pytest.raises(ConfigError, match="database"):
            open_indexes(other, files, IndexSettings(engine="database"))
