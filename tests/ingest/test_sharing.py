"""Several processes that ingest the same into one database: all is done once, whoever does it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from ragent.config import IngestSettings
from ragent.ingest import Callbacks, Ingestor, Origin
from ragent.protocols import Vectors
from ragent.store import Batch, Collection, Held, Leases, Move, Store
from ragent.types import Fingerprint
from tests.databases import query
from tests.ingest import faking
from tests.ingest.dying import TEXTS, run
from tests.ingest.test_sync import Folder
from tests.making import FINGERPRINT, HashedWords, WordTokenizer, new_document

EVERYONE = 8
DOCUMENTS = len(TEXTS) + 1  # the archive holds two
REPOSITORY = Path(__file__).parents[2]


@dataclass
class Company:
    """An embedder that goes on once a second process has something in hand, too."""

    shared: set[int]
    change: threading.Condition
    max_tokens: int = 64
    fingerprint: Fingerprint = FINGERPRINT
    tokenizer: WordTokenizer = field(default_factory=WordTokenizer)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        with self.change:
            self.shared.add(threading.get_ident())
            self.change.notify_all()
            assert self.change.wait_for(lambda: len(self.shared) > 1, timeout=60)
        return HashedWords().embed_documents(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_documents(texts)


def check_whole(home: Path, url: str) -> None:
    """Every document and chunk is there once, and nothing is left in anybody's hands."""
    with Store.open(home, url) as store:
        assert store.check() == []
        assert query(store, "SELECT count(*), count(DISTINCT uri) FROM documents") == [(DOCUMENTS, DOCUMENTS)]
        chunks = sum(len(text.splitlines()) for text in TEXTS.values()) - 1
        places = 'SELECT count(*), count(DISTINCT d.uri || c.start || c."end") FROM chunks c'
        assert query(store, f"{places} JOIN documents d ON d.id = c.document_id") == [(chunks, chunks)]
        assert query(store, "SELECT count(*) FROM tombstones") == [(0,)]
        assert query(store, "SELECT count(*) FROM leases") == [(0,)]


def test_eight_processes_do_all_of_it_once(tmp_path: Path, store_url: str) -> None:
    embedder = Company(set(), threading.Condition())
    Store.open(tmp_path, store_url).close()
    with ThreadPoolExecutor(EVERYONE) as pool:
        runs = [pool.submit(run, tmp_path, store_url, 60, embedder) for _ in range(EVERYONE)]
        reports = [each.result() for each in runs]
    assert [report.failed for report in reports] == [()] * EVERYONE
    assert sum(report.added for report in reports) == DOCUMENTS
    assert all(report.added + report.unchanged == DOCUMENTS for report in reports)
    assert len(embedder.shared) > 1
    if store_url:
        assert sum(report.embedded for report in reports) == sum(report.chunks for report in reports)
    check_whole(tmp_path, store_url)


def test_what_a_killed_process_had_in_hand_is_done_by_another(tmp_path: Path, postgresql_url: str) -> None:
    Store.open(tmp_path, postgresql_url).close()
    command = [sys.executable, "-m", "tests.ingest.dying", str(tmp_path), postgresql_url, "2"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as dying:
        assert dying.stdout
        assert dying.stdout.readline() == "hanging\n"
        with Store.open(tmp_path, postgresql_url) as store:
            [(done,)] = query(store, "SELECT count(*) FROM documents")
            [(held,)] = query(store, "SELECT count(*) FROM leases")
        dying.kill()
    assert 0 < done < DOCUMENTS
    assert held > 0
    report = run(tmp_path, postgresql_url, 2, HashedWords())
    assert (report.added, report.unchanged) == (DOCUMENTS - done, done)
    check_whole(tmp_path, postgresql_url)


@pytest.fixture
def store(tmp_path: Path, postgresql_url: str) -> Iterator[Store]:
    with Store.open(tmp_path, postgresql_url) as opened:
        yield opened


@pytest.fixture
def collection(store: Store) -> Collection:
    return store.ensure_collection("default", FINGERPRINT)


def leases(store: Store, holder: str, seconds: float = 60) -> Leases:
    return Leases(store.database, 1, holder, seconds)


def run_out(store: Store, holder: str) -> None:
    with store.writing() as connection:
        ended = text("UPDATE leases SET expires_at = now() - interval '1 second' WHERE holder = :holder")
        connection.execute(ended, {"holder": holder})


def test_an_item_is_of_one_holder_until_it_is_given_back(store: Store, collection: Collection) -> None:
    ann, ben = leases(store, "ann"), leases(store, "ben")
    assert ann.claim(["a", "b"]) == {"a", "b"}
    assert ben.claim(["b", "c"]) == {"c"}
    assert ann.claim(["a"]) == set()
    assert ben.held_by_others(["a", "b", "c"]) == {"a", "b"}
    ann.give_back()
    assert ben.held_by_others(["a", "b", "c"]) == set()
    assert ben.claim(["a", "b"]) == {"a", "b"}


def test_what_ran_out_goes_to_others_unless_it_is_renewed(store: Store, collection: Collection) -> None:
    ann, ben = leases(store, "ann"), leases(store, "ben")
    ann.claim(["a"])
    run_out(store, "ann")
    ann.renew()
    assert ben.claim(["a"]) == set()
    run_out(store, "ann")
    assert ben.held_by_others(["a"]) == set()
    assert ben.claim(["a"]) == {"a"}
    ann.renew()
    assert ann.held_by_others(["a"]) == {"a"}


def test_who_lost_a_lease_writes_nothing_of_it(store: Store, collection: Collection) -> None:
    ann, ben = leases(store, "ann"), leases(store, "ben")
    ann.claim(["a", "b", "c"])
    run_out(store, "ann")
    assert ben.claim(["b", "c"]) == {"b", "c"}
    documents = [new_document(uri, [f"text of {uri}"]) for uri in "abc"]
    held = Held("ann", frozenset("ab"), frozenset("c"))
    assert store.apply(collection, Batch(documents=documents, held=held)).lost == {"b", "c"}
    assert list(store.known_documents(collection.id)) == ["a"]
    assert ben.held_by_others(["a", "b", "c"]) == set()
    generation = store.generation(collection.id)
    rest = Batch(documents=documents[2:], held=Held("ann", frozenset("c"), frozenset()))
    assert store.apply(collection, rest).lost == {"c"}
    assert store.generation(collection.id) == generation


def test_a_lease_that_is_being_ended_is_waited_for_by_nobody(store: Store, collection: Collection) -> None:
    ann, ben = leases(store, "ann"), leases(store, "ben")
    ann.claim(["a"])
    run_out(store, "ann")
    with store.writing() as connection:
        connection.execute(text("DELETE FROM leases WHERE holder = 'ann'"))
        assert ben.claim(["a", "b"]) == {"b"}
        ann.renew()
    assert ben.claim(["a"]) == {"a"}


def test_a_document_that_moved_meanwhile_is_neither_moved_again_nor_removed(
    store: Store, collection: Collection
) -> None:
    store.write(collection, [new_document("a", ["one"]), new_document("b", ["two"])])
    first, second = (store.known_documents(collection.id)[uri].id for uri in "ab")
    store.apply(collection, Batch(moved=[Move(first, "c", "", "1", None, "a")]))
    again = Batch(
        moved=[Move(first, "d", "", "1", None, "a"), Move(second, "c", "", "1", None, "b")],
        removed=[first],
        places={first: "a"},
    )
    assert store.apply(collection, again).lost == {"c", "d"}
    assert set(store.known_documents(collection.id)) == {"b", "c"}


def test_a_process_takes_no_more_than_it_can_use(
    store: Store, collection: Collection, tmp_path: Path
) -> None:
    held: list[int] = []

    @dataclass
    class Asking(Company):
        def embed_documents(self, texts: Sequence[str]) -> Vectors:
            if not held:
                time.sleep(2)  # readers go on as far as they may
                held.append(query(store, "SELECT count(*) FROM leases")[0][0])
            return HashedWords().embed_documents(texts)

    texts = {f"f{number}": f"text {number}" for number in range(300)}
    settings = IngestSettings(batch_chunks=50, readers=1)
    embedder = Asking(set(), threading.Condition())
    ingestor = Ingestor(store, collection, embedder, faking.Lines(), settings)
    report = ingestor.run([Origin(Folder(texts))], Callbacks(faking.parse))
    assert report.added == 300
    assert 64 <= held[0] <= 200, held
