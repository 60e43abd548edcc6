"""The keywords of chunks in PostgreSQL, written in the same transaction as the chunks.

PostgreSQL's full text finds phrases, and words of a title or heading: each chunk has a `tsvector`, whose
lexemes are `collection:word`, so that one index serves any number of collections. To rank chunks (BM25) is
beyond it: `ts_rank` knows no rarities, and the row of every chunk that holds any word of the query has to be
visited (300 ms a question over 100,000 chunks). So there are postings, too: for each word of a collection,
how often it stands in which chunk, and how long that is, packed by blocks of chunk ids into rows of a few
kilobytes. A query reads those of its words, and all scores are exact. The rarity of a word follows from how
many postings it has.
"""

from __future__ import annotations

import functools
import struct
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, TextClause, select, text

from ragent.store.columns import POSTGRESQL
from ragent.store.rows import IndexedText
from ragent.store.tables import ChunkRow, DocumentRow, TombstoneRow

BLOCK = 1 << 14
"""So many chunk ids, in a row, share a row of postings."""
POSTING = np.dtype([("at", "<u2"), ("count", "<u2"), ("length", "<u2")])
"""The chunk's place in its block, how often the word stands in it, and how many words it has in all."""
TITLE, HEADING = "A", "B"
"""Which weight marks the words of a field."""

_PACK = struct.Struct("<HHH").pack
_MOST = 0xFFFF
_TEXTS_A_TURN = 2000
_FARTHEST = 16_383
_MOST_PLACES = 255

Key = tuple[str, int]
"""A word and a block."""


@dataclass(frozen=True, slots=True)
class ChunkWords:
    """The keywords of a chunk: title (twice), heading and text, as `ragent.index.keyword` indexes them."""

    chunk_id: int
    title: Sequence[str]
    heading: Sequence[str]
    text: Sequence[str]

    @property
    def length(self) -> int:
        return 2 * len(self.title) + len(self.heading) + len(self.text)

    @property
    def counts(self) -> Counter[str]:
        """How often each word counts."""
        return Counter([*self.title, *self.title, *self.heading, *self.text])

    def lexemes(self, collection_id: int) -> str:
        """As PostgreSQL reads a `tsvector`, which keeps the first 255 places of a word."""
        places: dict[str, list[str]] = defaultdict(list)
        marked = ((self.title, TITLE), (self.title, ""), (self.heading, HEADING), (self.text, ""))
        at = 0
        for words, mark in marked:
            for word in words:
                at = min(at + 1, _FARTHEST)
                if len(places[word]) < _MOST_PLACES:
                    places[word].append(f"{at}{mark}")
        return " ".join(f"'{collection_id}:{word}':{','.join(found)}" for word, found in places.items())


def words_of(chunk: IndexedText) -> ChunkWords:
    """Read a chunk."""
    read = _reader()
    return ChunkWords(chunk.chunk_id, read(chunk.title), read(chunk.context), read(chunk.text))


def postings_of(chunks: Iterable[ChunkWords]) -> dict[Key, bytes]:
    """The postings of chunks, by word and block, in order of the chunks."""
    found: dict[Key, bytearray] = defaultdict(bytearray)
    for chunk in chunks:
        block, at = divmod(chunk.chunk_id, BLOCK)
        length = min(chunk.length, _MOST)
        for word, count in chunk.counts.items():
            found[word, block] += _PACK(at, min(count, _MOST), length)
    return {key: bytes(data) for key, data in found.items()}


def has_words(connection: Connection) -> bool:
    """Whether this database keeps words."""
    return connection.dialect.name == POSTGRESQL


def follow(connection: Connection, collection_id: int, generation: int) -> None:
    """Bring the words to what a commit, which is about to be made, has added and removed."""
    if not has_words(connection):
        return
    gone = select(TombstoneRow.chunk_id).where(
        TombstoneRow.collection_id == collection_id, TombstoneRow.generation == generation
    )
    _remove(connection, collection_id, connection.scalars(gone).all())
    added = _TEXTS.where(ChunkRow.collection_id == collection_id, ChunkRow.generation == generation)
    _add(connection, collection_id, [IndexedText(*row) for row in connection.execute(added)])


def renew(connection: Connection, collection_id: int, document_ids: Sequence[int]) -> None:
    """Read documents again, whose titles may have changed."""
    if not (document_ids and has_words(connection)):
        return
    query = _TEXTS.where(ChunkRow.collection_id == collection_id, ChunkRow.document_id.in_(document_ids))
    chunks = [IndexedText(*row) for row in connection.execute(query)]
    _remove(connection, collection_id, [chunk.chunk_id for chunk in chunks])
    _add(connection, collection_id, chunks)


def fill(connection: Connection, collection_id: int) -> int:
    """Add the words of all chunks that have none yet; how many those were.

    The caller's transaction is one that writes to that collection.
    """
    count = 0
    while True:
        rows = connection.execute(_LACKING, {"collection_id": collection_id, "most": _TEXTS_A_TURN}).all()
        if not rows:
            return count
        _add(connection, collection_id, [IndexedText(*row) for row in rows])
        count += len(rows)


def clear(connection: Connection, collection_id: int) -> None:
    """Drop all words of a collection."""
    for table in ("chunk_words", "postings", "word_totals"):
        connection.execute(
            text(f"DELETE FROM {table} WHERE collection_id = :id"),  # noqa: S608 (names from above)
            {"id": collection_id},
        )


def lacking(connection: Connection, collection_id: int) -> int:
    """How many chunks have no words, or words no chunk."""
    return abs(int(connection.scalar(_DIFFERENCE, {"collection_id": collection_id}) or 0))


def _add(connection: Connection, collection_id: int, texts: Iterable[IndexedText]) -> None:
    chunks = [words_of(chunk) for chunk in texts]
    if not chunks:
        return
    rows = {
        "collection_id": collection_id,
        "ids": [chunk.chunk_id for chunk in chunks],
        "lengths": [chunk.length for chunk in chunks],
        "words": [chunk.lexemes(collection_id) for chunk in chunks],
    }
    connection.execute(_INSERT_WORDS, rows)
    _write(connection, _APPEND, collection_id, postings_of(chunks))
    _count(connection, collection_id, len(chunks), sum(chunk.length for chunk in chunks))


def _remove(connection: Connection, collection_id: int, chunk_ids: Sequence[int]) -> None:
    for first in range(0, len(chunk_ids), _TEXTS_A_TURN):
        some = list(chunk_ids[first : first + _TEXTS_A_TURN])
        rows = connection.execute(_DELETE_WORDS, {"ids": some}).all()
        places: dict[Key, list[int]] = defaultdict(list)
        for row in rows:
            block, at = divmod(row.chunk_id, BLOCK)
            for lexeme in row.lexemes:
                places[lexeme.partition(":")[2], block].append(at)
        if rows:
            _cut(connection, collection_id, places)
            _count(connection, collection_id, -len(rows), -sum(row.length for row in rows))


def _cut(connection: Connection, collection_id: int, places: Mapping[Key, list[int]]) -> None:
    """Take chunks, by their places in blocks, out of the postings of their words."""
    left: dict[Key, bytes] = {}
    empty: dict[Key, bytes] = {}
    for word, block, data in connection.execute(_SELECT, _keyed(collection_id, places)):
        held: NDArray[np.void] = np.frombuffer(data, POSTING)
        kept = held[~np.isin(held["at"], places[word, block])].tobytes()
        (left if kept else empty)[word, block] = kept
    _write(connection, _REPLACE, collection_id, left)
    if empty:
        connection.execute(_DELETE, _keyed(collection_id, empty))


def _write(
    connection: Connection, statement: TextClause, collection_id: int, postings: Mapping[Key, bytes]
) -> None:
    if postings:
        values = {"data": list(postings.values())}
        connection.execute(statement, {**_keyed(collection_id, postings), **values})


def _keyed(collection_id: int, keys: Iterable[Key]) -> dict[str, object]:
    words, blocks = zip(*keys, strict=True)
    return {"collection_id": collection_id, "words": list(words), "blocks": list(blocks)}


def _count(connection: Connection, collection_id: int, chunks: int, words: int) -> None:
    connection.execute(_TOTAL, {"collection_id": collection_id, "chunks": chunks, "words": words})


@functools.cache
def _reader() -> Callable[[str], list[str]]:
    # tantivy, whose stemmer it is, is loaded by who writes to PostgreSQL.
    from ragent.words.queries import QueryWords

    return QueryWords().read


_TEXTS = (
    select(ChunkRow.id, DocumentRow.title, ChunkRow.context, ChunkRow.text)
    .join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
    .order_by(ChunkRow.id)
)
_LACKING = text(
    "SELECT c.id, d.title, c.context, c.text FROM chunks c JOIN documents d ON d.id = c.document_id "
    "WHERE c.collection_id = :collection_id AND NOT EXISTS "
    "(SELECT FROM chunk_words w WHERE w.chunk_id = c.id) ORDER BY c.id LIMIT :most"
)
_DIFFERENCE = text(
    "SELECT (SELECT count(*) FROM chunks WHERE collection_id = :collection_id) - "
    "coalesce((SELECT chunks FROM word_totals WHERE collection_id = :collection_id), 0)"
)
_INSERT_WORDS = text(
    "INSERT INTO chunk_words (chunk_id, collection_id, length, words) "
    "SELECT id, :collection_id, length, words::tsvector FROM unnest("
    "CAST(:ids AS bigint[]), CAST(:lengths AS bigint[]), CAST(:words AS text[])) AS n(id, length, words)"
)
_DELETE_WORDS = text(
    "DELETE FROM chunk_words WHERE chunk_id = ANY(CAST(:ids AS bigint[])) "
    "RETURNING chunk_id, length, tsvector_to_array(words) AS lexemes"
)
_KEYS = "unnest(CAST(:words AS text[]), CAST(:blocks AS bigint[])) AS n(word, block)"
_ROWS = (
    "unnest(CAST(:words AS text[]), CAST(:blocks AS bigint[]), CAST(:data AS bytea[])) "
    "AS n(word, block, data)"
)
_SAME = "p.collection_id = :collection_id AND p.word = n.word AND p.block = n.block"
_APPEND = text(
    "INSERT INTO postings AS p (collection_id, word, block, data) "  # noqa: S608 (nothing but the lines above)
    f"SELECT :collection_id, word, block, data FROM {_ROWS} "
    "ON CONFLICT (collection_id, word, block) DO UPDATE SET data = p.data || excluded.data"
)
_SELECT = text(f"SELECT p.word, p.block, p.data FROM postings p JOIN {_KEYS} ON {_SAME}")  # noqa: S608
_REPLACE = text(f"UPDATE postings p SET data = n.data FROM {_ROWS} WHERE {_SAME}")  # noqa: S608
_DELETE = text(f"DELETE FROM postings p USING {_KEYS} WHERE {_SAME}")  # noqa: S608
_TOTAL = text(
    "INSERT INTO word_totals AS t (collection_id, chunks, words) VALUES (:collection_id, :chunks, :words) "
    "ON CONFLICT (collection_id) DO UPDATE SET "
    "chunks = t.chunks + excluded.chunks, words = t.words + excluded.words"
)
