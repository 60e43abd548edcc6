"""Collections of one home never show in each other's results, whatever is kept open, cached or reused."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ragent.config import load_settings
from ragent.errors import QueryError
from ragent.protocols import Embedder
from ragent.service import Caller, Service
from ragent.service.session import Asked
from ragent.store import NewDocument
from ragent.types import Chunk, Document

ROUNDS = int(os.environ.get("ISOLATION_ROUNDS", "4"))
COLLECTIONS = ("blue", "green", "red", "white")
NUMBERS = range(4)
YEARS = (2020, 2021, 2022)
TEXTS = (
    "The harbour master opens the lock at dawn.",
    "The harbour master closes the lock at dusk.",
    "A pilot boards every ship over forty metres.",
    "A pilot leaves the ship at the fairway buoy.",
    "Refunds over 500 euros need a signature.",
    "Refunds are paid within thirty days.",
)
QUERIES = (*TEXTS, "Who opens the lock?", "refunds ship lock", '"harbour master"')
FILTERS: tuple[Any, ...] = (None, *({"year": year} for year in YEARS), {"year": {">=": 2021}}, {"uri": "d1"})

Held = dict[str, tuple[tuple[str, ...], int]]
"""By uri, the texts and the year of each document of a collection."""


@cache
def service() -> tuple[Service, tempfile.TemporaryDirectory[str]]:
    """Of which one collection at a time stays open."""
    home = tempfile.TemporaryDirectory(prefix="ragent-isolation-")
    made = load_settings(None, server={"open_collections": 1}, embedder={"threads": 1})
    return Service.open(Path(home.name) / "home", made), home


def document(uri: str, texts: tuple[str, ...], year: int, embedder: Embedder) -> NewDocument:
    """Of one chunk a text."""
    starts = np.cumsum([0, *(len(text) + 1 for text in texts)]).tolist()
    chunks = tuple(
        Chunk(start, start + len(text), text, "", len(text.split()))
        for start, text in zip(starts, texts, strict=False)
    )
    whole = Document(uri, "", "\n".join(texts), "text/plain", metadata={"year": year})
    vectors = np.array([vector(text, embedder) for text in texts])
    return NewDocument(whole, "1", xxhash.xxh3_128_hexdigest("\n".join(texts).encode()), chunks, vectors)


_VECTORS: dict[str, Any] = {}


def vector(text: str, embedder: Embedder) -> Any:
    if text not in _VECTORS:
        _VECTORS[text] = embedder.embed_documents([text])[0]
    return _VECTORS[text]


def passes(where: Any, uri: str, year: int) -> bool:
    """What a filter of FILTERS says of a document."""
    if where is None:
        return True
    if "uri" in where:
        return bool(uri == where["uri"])
    wanted = where["year"]
    return year >= wanted[">="] if isinstance(wanted, dict) else bool(year == wanted)


class Isolation(RuleBasedStateMachine):
    """Writes, removes and forgets in some collections, and searches all of them."""

    @initialize()
    def begin(self) -> None:
        self.service, _ = service()
        self.store = self.service.store
        embedder = self.service.root.embedder
        self.held: dict[str, Held] = {name: {} for name in COLLECTIONS}
        self.found = {name: self.store.ensure_collection(name, embedder.fingerprint) for name in COLLECTIONS}
        for name, collection in self.found.items():
            known = self.store.known_documents(collection.id).values()
            self.store.remove(collection, [one.id for one in known])
            self.write(name, 0, (TEXTS[COLLECTIONS.index(name)],), 2020)
        self.session = self.service.session(Caller("", "admin"))

    def write(self, name: str, number: int, texts: tuple[str, ...], year: int) -> None:
        new = document(f"d{number}", texts, year, self.service.root.embedder)
        self.store.write(self.found[name], [new])
        self.held[name][f"d{number}"] = (texts, year)

    @rule(
        name=st.sampled_from(COLLECTIONS),
        number=st.sampled_from(NUMBERS),
        texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3, unique=True),
        year=st.sampled_from(YEARS),
    )
    def ingest(self, name: str, number: int, texts: list[str], year: int) -> None:
        self.write(name, number, tuple(texts), year)

    @rule(name=st.sampled_from(COLLECTIONS), number=st.sampled_from(NUMBERS), thoroughly=st.booleans())
    def forget(self, name: str, number: int, thoroughly: bool) -> None:
        uri = f"d{number}"
        if uri not in self.held[name] or len(self.held[name]) == 1:
            return
        known = self.store.known_documents(self.found[name].id)[uri]
        if thoroughly and number == 0:
            self.service.rag(name).forget(known.id)
        else:
            self.store.remove(self.found[name], [known.id])
        del self.held[name][uri]

    @rule(
        name=st.sampled_from(COLLECTIONS),
        query=st.sampled_from(QUERIES),
        where=st.sampled_from(FILTERS),
        mode=st.sampled_from(["hybrid", "dense", "keyword"]),
    )
    def search(self, name: str, query: str, where: Any, mode: Any) -> None:
        expected = {
            (uri, text)
            for uri, (texts, year) in self.held[name].items()
            if passes(where, uri, year)
            for text in texts
        }
        result = self.session.search(name, query, 100, where=where, mode=mode)
        found = [(hit.uri, hit.text) for hit in result.hits]
        assert len(found) == len(set(found))
        assert set(found) <= expected if mode == "keyword" else set(found) == expected
        if where is not None:
            assert result.plan["filter"]["matching"] == len(expected)

    @rule(name=st.sampled_from(COLLECTIONS), other=st.sampled_from(COLLECTIONS))
    def ask_for_ids(self, name: str, other: str) -> None:
        """Ids of another collection say nothing; a uri that both have means this one's."""
        with self.store.snapshot(self.found[other]) as snapshot:
            ids = snapshot.live().tolist()
        own = name == other
        passages = self.session.documents.passages(name, ids)
        vectors = self.service.rag(name).retriever.vectors(ids)
        assert (len(passages), bool(np.isnan(vectors).any())) == ((len(ids), False) if own else (0, True))
        if not own:
            with pytest.raises(QueryError):
                self.service.rag(name).more_like_this(str(ids[0]))
        for uri in self.held[other].keys() & self.held[name].keys():
            hits = self.service.rag(name).more_like_this(uri, 100).hits
            assert {hit.uri for hit in hits} == self.held[name].keys() - {uri}


def test_no_collection_shows_in_another() -> None:
    run = settings(max_examples=ROUNDS, stateful_step_count=25, deadline=None)
    try:
        run_state_machine_as_test(Isolation, settings=run)
    finally:
        opened, home = service()
        opened.close()
        home.cleanup()
        service.cache_clear()


def test_what_another_collection_read_changes_no_answer(tmp_path: Path) -> None:
    """The model keeps the beginnings of prompts of all: `tests/llm/test_engine.py` compares bits."""
    llm = {"max_tokens": 8, "n_ctx": 1024, "threads": 1, "disk_cache_mb": 0}
    made = load_settings(None, llm=llm, ask={"style": "draft"})
    asked = Asked("Who signs refunds over 500 euros?", 2)

    def ask(home: str, *names: str) -> list[Any]:
        """What comes of one question in some collections, by one model that nobody asked before."""
        with closing(Service.open(tmp_path / home, made)) as opened:
            embedder = opened.root.embedder
            for name, last in (("theirs", "Refunds are paid at once, in gold."), ("ours", TEXTS[5])):
                collection = opened.store.ensure_collection(name, embedder.fingerprint)
                opened.store.write(collection, [document("rules", (TEXTS[4], last), 2020, embedder)])
            session = opened.session(Caller("", "admin"))
            return [list(session.stream(name, asked)) for name in names]

    (theirs, ours), (alone,) = ask("both", "theirs", "ours"), ask("one", "ours")
    assert ours[-1].usage.reused_tokens > alone[-1].usage.reused_tokens
    assert "".join(ours[:-1]) == "".join(alone[:-1])
    assert ours[-1].text == alone[-1].text
    assert [(hit.uri, hit.text) for hit in ours[-1].hits] == [(hit.uri, hit.text) for hit in alone[-1].hits]
    assert "gold" in str(theirs[-1].hits)
    assert "gold" not in str(ours)
