"""The topics of a collection: groups of its passages, each with its words and what shows it best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragent.corpus.topics.clustering import Clustering, choose_count, cluster
from ragent.corpus.topics.words import telling_words, words_of
from ragent.errors import ConfigError
from ragent.protocols import Ids, Vectors
from ragent.store import Collection, Store

_WORDS = 10
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Example:
    """A passage near the middle of its topic: characters `start` to `end` of a document."""

    uri: str
    title: str
    chunk_id: int
    page: int | None
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Topic:
    """A group of passages: the words that tell it from the others, best first, and what shows it best."""

    number: int
    words: tuple[str, ...]
    chunks: int
    documents: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """The topic of a passage, counted from 0, and its place on the map: by the two principal components."""

    chunk_id: int
    document_id: int
    topic: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics, the largest first, and every passage; `texts` are the words of each of `placed`."""

    topics: tuple[Topic, ...]
    placed: tuple[Placed, ...]
    texts: tuple[tuple[str, ...], ...]


def find_topics(store: Store, collection: Collection, count: int | None = None) -> Topics:
    """Group a collection's passages by meaning.

    Args:
        store: The home's.
        collection: Whose passages.
        count: How many topics at most; None: as many as tell the passages apart best.

    Raises:
        StoreError: the collection is empty.
        ConfigError: `count` is less than 1.
    """
    if count is not None and count < 1:
        raise ConfigError("there must be at least one topic", hint="name a count from 1")
    ids, vectors, texts = _read(store, collection)
    found = cluster(vectors, count or choose_count(vectors))
    words = telling_words(texts, found.groups.tolist(), _WORDS)
    documents = store.documents_of(ids.tolist())
    topics = tuple(
        _topic(store, collection, number, tuple(best), (ids, vectors, found, documents))
        for number, best in enumerate(words)
    )
    places = _principal(vectors)
    placed = tuple(
        Placed(id_, documents[id_], group, round(x, 4), round(y, 4))
        for id_, group, (x, y) in zip(ids.tolist(), found.groups.tolist(), places.tolist(), strict=True)
    )
    return Topics(topics, placed, tuple(tuple(text) for text in texts))


def _read(store: Store, collection: Collection) -> tuple[Ids, Vectors, list[list[str]]]:
    with store.snapshot(collection) as snapshot:
        parts = list(snapshot.vectors(0))
        texts = {text.chunk_id: words_of(text.text) for some in snapshot.texts(0) for text in some}
    ids = np.concatenate([part[0] for part in parts])
    vectors = np.concatenate([part[1] for part in parts]).astype(np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return ids, vectors / np.maximum(norms, 1e-9), [texts[id_] for id_ in ids.tolist()]


def _topic(
    store: Store,
    collection: Collection,
    number: int,
    words: tuple[str, ...],
    parts: tuple[Ids, Vectors, Clustering, dict[int, int]],
) -> Topic:
    ids, vectors, found, documents = parts
    rows = np.flatnonzero(found.groups == number)
    nearest = ids[rows[np.argsort(-(vectors[rows] @ found.centres[number]), kind="stable")]].tolist()
    first: dict[int, int] = {}
    for id_ in nearest:
        first.setdefault(documents[id_], id_)
    shown = list(first.values())[:_SHOWN]
    passages = store.passages(collection.id, shown)
    examples = tuple(
        Example(one.uri, one.title, id_, one.page, one.start, one.end, one.text)
        for id_, one in ((id_, passages[id_]) for id_ in shown if id_ in passages)
    )
    return Topic(number + 1, words, len(rows), len(first), examples)


def _principal(vectors: Vectors) -> Vectors:
    """The first two principal components, shape (n, 2), the larger side of each positive."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    places: Vectors = centred @ axes[:, -1:-3:-1]
    extremes = places[np.abs(places).argmax(axis=0), [0, 1]]
    return places * np.where(extremes < 0, -1, 1)
