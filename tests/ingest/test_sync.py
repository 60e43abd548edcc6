"""What a second run costs and keeps: changed, moved, deleted and repeated documents, archives, cursors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ragent.config import IngestSettings
from ragent.errors import MissingExtraError, SourceError
from ragent.ingest import Callbacks, Ingestor, Options, Origin
from ragent.ingest.reading import Here
from ragent.protocols import Tokenizer, Vectors
from ragent.store import Store
from ragent.types import (
    Changes,
    DocumentReport,
    Failure,
    Fingerprint,
    IngestReport,
    Item,
    RawDocument,
)
from tests.databases import dump, query
from tests.ingest import faking
from tests.making import FINGERPRINT, HashedWords


@dataclass
class Counting:
    """An embedder that remembers what it was given."""

    seen: list[str] = field(default_factory=list)
    max_tokens: int = 64
    fingerprint: Fingerprint = FINGERPRINT
    tokenizer: Tokenizer = field(default_factory=lambda: HashedWords().tokenizer)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.seen += texts
        return HashedWords().embed_documents(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return HashedWords().embed_queries(texts)


@dataclass
class Folder:
    """A source in memory whose versions are its texts' lengths and a stamp."""

    texts: dict[str, str]
    uri: str = "folder:"
    stamp: int = 0
    broken: bool = False

    def items(self) -> Iterator[Item]:
        if self.broken:
            raise SourceError("it can't be listed")
        for uri, text in self.texts.items():
            error = "no permission" if text == "locked" else ""
            yield Item(uri, f"{hash(text)}:{self.stamp}", error)

    def load(self, item: Item) -> RawDocument:
        return RawDocument(item.uri, item.uri, self.texts[item.uri].encode())


@dataclass
class Bench:
    """An ingestor over a store, and what it said."""

    store: Store
    embedder: Counting = field(default_factory=Counting)
    documents: list[DocumentReport] = field(default_factory=list)
    settings: IngestSettings = field(default_factory=lambda: IngestSettings(batch_chunks=3))

    def run(
        self, *folders: Folder, should_stop: Callable[[], bool] = lambda: False, **options: bool
    ) -> IngestReport:
        collection = self.store.ensure_collection("default", FINGERPRINT)
        ingestor = Ingestor(self.store, collection, self.embedder, faking.Lines(), self.settings, Here())
        cursors = {source.argument: source.cursor for source in self.store.known_sources(collection.id)}
        origins = [
            Origin(folder, self.store.remember_source(collection, folder.uri), cursors.get(folder.uri))
            for folder in folders
        ]
        self.embedder.seen.clear()
        self.documents.clear()
        callbacks = Callbacks(
            faking.parse,
            should_stop=should_stop,
            on_document=self.documents.append,
            unpack=faking.unpack,
        )
        return ingestor.run(origins, callbacks, Options(**options))

    @property
    def told(self) -> dict[str, str]:
        return {one.uri: one.status for one in self.documents}

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        return query(self.store, statement)

    def chunks(self) -> list[tuple[object, ...]]:
        return self.rows(
            "SELECT c.id, d.uri, c.text FROM chunks c JOIN documents d ON d.id = document_id"
            " ORDER BY d.uri, c.start"
        )


@pytest.fixture
def bench(tmp_path: Path, store_url: str) -> Iterator[Bench]:
    with Store.open(tmp_path / "home", store_url) as store:
        yield Bench(store)
        assert store.check() == []


def test_only_new_text_is_embedded(bench: Bench) -> None:
    folder = Folder({"a": "one\ntwo\nthree", "b": "four"})
    bench.run(folder)
    assert sorted(bench.embedder.seen) == ["four", "one", "three", "two"]
    folder.texts["a"] = "zero\none\nthree"
    report = bench.run(folder)
    assert bench.embedder.seen == ["zero"]
    assert (report.updated, report.chunks, report.embedded) == (1, 3, 1)
    assert [(id_, text) for id_, uri, text in bench.chunks() if uri == "a"] == [
        (5, "zero"),
        (1, "one"),
        (3, "three"),
    ]


def test_force_embeds_everything_anew(bench: Bench) -> None:
    folder = Folder({"a": "one\ntwo"})
    bench.run(folder)
    assert bench.run(folder, force=True).embedded == 2
    assert [id_ for id_, *_ in bench.chunks()] == [3, 4]


def test_a_moved_document_keeps_its_chunks(bench: Bench) -> None:
    folder = Folder({"file:///a.txt": "one\ntwo", "file:///b.txt": "three"})
    bench.run(folder)
    before = bench.chunks()
    folder.texts["file:///sub/c.txt"] = folder.texts.pop("file:///a.txt")
    report = bench.run(folder)
    assert (report.moved, report.added, report.embedded) == (1, 0, 0)
    assert bench.told["file:///sub/c.txt"] == "moved"
    assert [id_ for id_, *_ in bench.chunks()] == [before[2][0], before[0][0], before[1][0]]
    assert [uri for _, uri, _ in bench.chunks()] == ["file:///b.txt", *["file:///sub/c.txt"] * 2]
    assert bench.run(folder).unchanged == 2


def test_a_copy_is_no_move(bench: Bench) -> None:
    folder = Folder({"a": "one"})
    bench.run(folder)
    folder.texts["b"] = "one"
    report = bench.run(folder)
    assert (report.added, report.moved, report.duplicates, report.embedded) == (1, 0, 1, 0)


def test_what_is_gone_goes_only_on_demand(bench: Bench) -> None:
    folder = Folder({"a": "one", "b": "two"})
    bench.run(folder)
    del folder.texts["a"]
    report = bench.run(folder)
    assert (report.deleted, report.unchanged) == (0, 1)
    assert bench.told == {"b": "unchanged", "a": "gone"}
    assert bench.run(folder, delete=True).deleted == 1
    assert [uri for _, uri, _ in bench.chunks()] == ["b"]


def test_another_source_or_a_broken_one_deletes_nothing(bench: Bench) -> None:
    one, other = Folder({"a": "one"}, "one:"), Folder({"b": "two"}, "other:")
    bench.run(one, other)
    assert bench.run(one, delete=True).deleted == 0
    other.texts.clear()
    other.broken = True
    report = bench.run(one, other, delete=True)
    assert (report.deleted, len(report.failed)) == (0, 1)


def test_what_lies_below_something_unreadable_is_not_gone(bench: Bench) -> None:
    folder = Folder({"d/a": "one", "e": "two"})
    bench.run(folder)
    folder.texts = {"d": "locked", "e": "two"}
    report = bench.run(folder, delete=True)
    assert (report.deleted, len(report.failed)) == (0, 1)
    assert len(bench.chunks()) == 2


def test_a_dry_run_tells_and_writes_nothing(bench: Bench) -> None:
    folder = Folder({"file:///a": "one", "b": "two", "c": "three", "d": "four"})
    bench.run(folder)
    before = dump(bench.store)
    folder.texts["file:///moved"] = folder.texts.pop("file:///a")
    del folder.texts["c"]
    folder.texts |= {"b": "altered", "e": "new"}
    report = bench.run(folder, dry_run=True, delete=True)
    assert bench.told == {
        "b": "updated",
        "d": "unchanged",
        "file:///moved": "moved",
        "e": "added",
        "c": "deleted",
    }
    assert (report.added, report.updated, report.moved, report.deleted) == (1, 1, 1, 1)
    assert dump(bench.store) == before
    assert bench.embedder.seen == []
    done = bench.run(folder, delete=True)
    assert (done.added, done.updated, done.moved, done.deleted) == (1, 1, 1, 1)


LONG = "\n".join(f"line {i} of a text about lamps in the harbour" for i in range(40))


def test_duplicates_are_recorded_and_kept(bench: Bench) -> None:
    folder = Folder({"a": LONG, "b": LONG, "c": LONG + "\nOne more line.", "d": "another"})
    report = bench.run(folder)
    assert (report.added, report.duplicates) == (4, 2)
    collection = bench.store.require_collection("default")
    found = bench.store.duplicates(collection.id)
    assert {uri: one.original for uri, one in found.items()} == {"b": "a", "c": "a"}
    assert found["b"].similarity == 1
    assert 0.8 <= found["c"].similarity < 1
    assert len(bench.chunks()) == 122


def test_duplicates_are_left_out_on_demand_until_they_are_no_more(bench: Bench) -> None:
    bench.settings = IngestSettings(batch_chunks=3, duplicates="skip")
    folder = Folder({"a": LONG, "b": LONG, "c": LONG + "\nOne more line."})
    report = bench.run(folder)
    assert (report.added, report.duplicates) == (1, 2)
    assert {uri for _, uri, _ in bench.chunks()} == {"a"}
    assert bench.run(folder).unchanged == 3
    del folder.texts["a"]
    report = bench.run(folder, delete=True)
    assert (report.updated, report.duplicates, report.deleted) == (1, 1, 1)
    assert {uri for _, uri, _ in bench.chunks()} == {"b"}


def test_an_archive_is_followed_file_by_file(bench: Bench) -> None:
    folder = Folder({"z": "archive\none\ntwo\nbroken", "a": "plain"})
    report = bench.run(folder)
    assert (report.added, len(report.failed)) == (3, 1)
    assert bench.run(folder).unchanged == 3
    folder.texts["z"] = "archive\none\nthree"
    report = bench.run(folder)
    assert (report.updated, report.unchanged, report.deleted) == (1, 2, 0)
    assert bench.embedder.seen == ["three"]
    folder.texts["z"] = "archive\none"
    assert bench.run(folder).deleted == 1
    assert [uri for _, uri, _ in bench.chunks()] == ["a", "z!/0"]
    folder.texts["z"] = "no archive any more"
    assert (bench.run(folder).added, bench.told["z!/0"]) == (1, "deleted")


def test_an_archive_that_was_cut_off_is_read_on(bench: Bench) -> None:
    class Stop(Exception):
        pass

    folder = Folder({"z": "archive\none\ntwo\nthree\nfour\nfive\nsix\nseven"})

    class Falling(Counting):
        def embed_documents(self, texts: Sequence[str]) -> Vectors:
            if "five" in texts:
                raise Stop
            return super().embed_documents(texts)

    bench.embedder = Falling()
    with pytest.raises(Stop):
        bench.run(folder)
    assert len(bench.chunks()) == 3
    bench.embedder = Counting()
    report = bench.run(folder)
    assert (report.unchanged, report.added) == (3, 4)
    assert bench.run(folder).unchanged == 7


def test_a_stop_inside_an_archive_keeps_what_was_read(bench: Bench) -> None:
    folder = Folder({"z": "archive\n" + "\n".join(f"line {number}" for number in range(20))})
    asked = itertools.count()
    report = bench.run(folder, should_stop=lambda: next(asked) >= 5)
    assert report.interrupted
    assert (report.added, len(bench.chunks())) == (5, 5)
    report = bench.run(folder)
    assert (report.unchanged, report.added, report.interrupted) == (5, 15, False)


@dataclass
class Feed(Folder):
    """A source that tells what changed: its cursor is its stamp."""

    log: list[tuple[str, str | None]] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)

    def changes(self, cursor: str | None) -> Changes:
        self.asked.append(cursor)
        if cursor == "expired":
            raise SourceError("unknown cursor")
        new = self.log[int(cursor or 0) :]
        items = tuple(Item(uri, f"{hash(text)}") for uri, text in new if text is not None)
        gone = tuple(uri for uri, text in new if text is None)
        return Changes(items, gone, str(len(self.log)))

    def tell(self, uri: str, text: str | None) -> None:
        self.log.append((uri, text))
        if text is None:
            del self.texts[uri]
        else:
            self.texts[uri] = text


def test_a_source_with_a_cursor_tells_only_what_changed(bench: Bench) -> None:
    feed = Feed({}, "feed:")
    feed.tell("a", "one")
    feed.tell("b", "two")
    assert bench.run(feed).added == 2
    feed.tell("b", "three")
    feed.tell("c", "four")
    feed.tell("a", None)
    report = bench.run(feed)
    assert feed.asked == [None, "2"]
    assert (report.added, report.updated) == (1, 1)
    assert bench.told["a"] == "gone"
    assert bench.run(feed).unchanged == 3
    assert bench.run(feed, delete=True).deleted == 1


def test_a_failure_is_told_again(bench: Bench) -> None:
    feed = Feed({}, "feed:")
    feed.tell("a", "one")
    bench.run(feed)
    feed.tell("b", "broken")
    assert len(bench.run(feed).failed) == 1
    assert len(bench.run(feed).failed) == 1
    assert feed.asked == [None, "1", "1"]


def test_an_expired_cursor_lists_everything(bench: Bench) -> None:
    feed = Feed({}, "feed:")
    feed.tell("a", "one")
    bench.run(feed)
    bench.store.leave_source(1, "expired")
    feed.tell("b", "two")
    assert (bench.run(feed).added, bench.run(feed).unchanged) == (1, 2)


class Driverless(Folder):
    """Needs a package that is not there."""

    def items(self) -> Iterator[Item]:
        raise MissingExtraError("it needs a driver", hint="pip install driver")


def test_a_source_without_its_driver_stops_no_other(bench: Bench) -> None:
    report = bench.run(Driverless({}, "driverless:"), Folder({"a": "one"}))
    assert report.added == 1
    assert report.failed == (Failure("driverless:", "it needs a driver (pip install driver)"),)


def test_a_source_that_lists_nothing_keeps_its_documents(bench: Bench) -> None:
    folder, other = Folder({"a": "one", "b": "two"}), Folder({"c": "three"}, "other:")
    bench.run(folder, other)
    folder.texts.clear()
    for dry_run in (True, False):
        report = bench.run(folder, other, delete=True, dry_run=dry_run)
        assert (report.deleted, [failure.uri for failure in report.failed]) == (0, ["folder:"])
        assert bench.told["a"] == "gone"
    assert len(bench.chunks()) == 3
    other.texts["d"] = "two"  # what moved to another source is no loss
    report = bench.run(folder, other, delete=True)
    assert (report.moved, report.deleted, len(report.failed)) == (1, 0, 1)
    assert bench.run(folder, other, delete=True, delete_all=True).deleted == 1


@dataclass
class Remembering(Folder):
    """A source that wants to be told what it said."""

    recalled: list[str] = field(default_factory=list)

    def recall(self, memory: str) -> None:
        self.recalled.append(memory)

    def memory(self) -> str:
        return f"listed {len(self.texts)}"


def test_a_memory_is_kept_even_if_something_failed(bench: Bench) -> None:
    site = Remembering({"a": "one", "b": "broken"}, "site:")
    bench.run(site, dry_run=True)
    assert len(bench.run(site).failed) == 1
    bench.run(site, delete=True)
    assert site.recalled == ["listed 2"]
    del site.texts["b"]
    assert bench.run(site).unchanged == 1
    bench.run(site)
    assert site.recalled == ["listed 2", "listed 2", "listed 1"]
