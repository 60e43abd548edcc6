from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ragent.config import IngestSettings
from ragent.errors import SourceError
from ragent.ingest import Callbacks, Ingestor, Options, Origin, Progress
from ragent.ingest.reading import Here
from ragent.store import Store
from ragent.types import IngestReport, Item, RawDocument
from tests.ingest import faking
from tests.making import FINGERPRINT, HashedWords


@dataclass
class Shelf:
    """A source in memory: uri -> text. A value that is an exception is raised on load."""

    texts: dict[str, str | Exception]
    uri: str = "shelf:"
    loads: list[str] = field(default_factory=list)
    same_versions: bool = True

    def items(self) -> Iterator[Item]:
        for uri, text in self.texts.items():
            yield Item(uri, str(text) if self.same_versions else f"{len(self.loads)}")

    def load(self, item: Item) -> RawDocument:
        self.loads.append(item.uri)
        text = self.texts[item.uri]
        if isinstance(text, Exception):
            raise text
        return RawDocument(item.uri, item.uri, text.encode())


@pytest.fixture
def store(tmp_path: Path, store_url: str) -> Iterator[Store]:
    with Store.open(tmp_path / "home", store_url) as opened:
        yield opened


Run = Callable[..., IngestReport]


@pytest.fixture
def run(store: Store) -> Run:
    collection = store.ensure_collection("default", FINGERPRINT)
    ingestor = Ingestor(
        store, collection, HashedWords(), faking.Lines(), IngestSettings(batch_chunks=2), Here()
    )

    def go(*shelves: Shelf, force: bool = False, **hooks: object) -> IngestReport:
        origins = [Origin(shelf) for shelf in shelves]
        return ingestor.run(origins, Callbacks(faking.parse, **hooks), Options(force=force))  # type: ignore[arg-type]

    return go


def texts(store: Store) -> list[str]:
    collection = store.require_collection("default")
    with store.snapshot(collection) as snapshot:
        return [text.text for rows in snapshot.texts(0) for text in rows]


def test_everything_is_added_across_batches(store: Store, run: Run) -> None:
    report = run(Shelf({"a": "one\ntwo", "b": "three", "c": "four\nfive\nsix"}))
    assert (report.added, report.chunks, report.failed) == (3, 6, ())
    assert texts(store) == ["one", "two", "three", "four", "five", "six"]
    assert store.check() == []


def test_what_is_unchanged_is_not_even_loaded(run: Run) -> None:
    shelf = Shelf({"a": "one", "b": "two"})
    run(shelf)
    shelf.loads.clear()
    report = run(shelf)
    assert (report.unchanged, report.added, report.chunks) == (2, 0, 0)
    assert shelf.loads == []


def test_a_new_version_of_the_same_bytes_is_read_once_but_not_parsed(run: Run) -> None:
    shelf = Shelf({"a": "one"}, same_versions=False)
    run(shelf)
    assert run(shelf).unchanged == 1
    assert shelf.loads == ["a", "a"]


def test_a_changed_document_replaces_its_chunks(store: Store, run: Run) -> None:
    run(Shelf({"a": "old", "b": "same"}))
    report = run(Shelf({"a": "new", "b": "same"}))
    assert (report.updated, report.unchanged) == (1, 1)
    assert sorted(texts(store)) == ["new", "same"]


def test_force_reads_again_what_is_unchanged(run: Run) -> None:
    run(Shelf({"a": "one"}))
    assert run(Shelf({"a": "one"}), force=True).updated == 1


def test_one_bad_item_stops_nothing(store: Store, run: Run) -> None:
    report = run(Shelf({"a": "one", "b": "broken", "c": SourceError("it is gone"), "d": "four"}))
    assert report.added == 2
    assert [(failure.uri, failure.error) for failure in report.failed] == [
        ("b", "it is broken (mend it)"),
        ("c", "it is gone"),
    ]
    assert texts(store) == ["one", "four"]


def test_a_source_that_cannot_be_listed_stops_no_other(store: Store, run: Run) -> None:
    class Gone(Shelf):
        def items(self) -> Iterator[Item]:
            raise SourceError("no such folder")

    report = run(Gone({}, uri="gone:"), Shelf({"a": "one"}))
    assert [failure.uri for failure in report.failed] == ["gone:"]
    assert texts(store) == ["one"]


def test_overlapping_sources_count_an_item_once(store: Store, run: Run) -> None:
    assert run(Shelf({"a": "one"}), Shelf({"a": "one", "b": "two"})).added == 2
    assert texts(store) == ["one", "two"]


def test_stopping_keeps_what_was_read_and_a_second_run_ends_the_same(store: Store, run: Run) -> None:
    shelf = Shelf({name: f"text {name}" for name in "abcdefg"})
    report = run(shelf, should_stop=lambda: len(shelf.loads) > 3)
    assert report.interrupted
    assert report.added == 3
    assert len(texts(store)) == 3
    assert run(shelf).added == 4
    assert texts(store) == [f"text {name}" for name in "abcdefg"]


def test_progress_counts_up_to_the_end(run: Run) -> None:
    told: list[Progress] = []
    run(Shelf({"a": "one", "b": "two", "c": "three"}), on_progress=told.append)
    assert [progress.done for progress in told] == [0, 1, 2, 3]
    assert {progress.total for progress in told} == {3}
    assert told[-1].chunks == 3
