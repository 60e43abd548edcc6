"""Proves that the words in PostgreSQL are those of the chunks' texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import xxhash
from sqlalchemy import Connection, text

from ragent.retrieval.database.graphs import graph_of
from ragent.store import Problem, Snapshot, words

_MEND = "ragent index rebuild"
_ROWS_A_FETCH = 1000
_MASK = (1 << 64) - 1

Sums = dict[int, int]
"""By block of chunk ids, the sum of its postings' hashes: the same for the same ones in any order."""


def check_words(snapshot: Snapshot, where: str) -> Iterator[Problem]:
    """What is wrong with a collection's words, and with its index of vectors."""
    expected: Sums = defaultdict(int)
    differing = chunks = length = 0
    for texts in snapshot.texts(0):
        read = [words.words_of(chunk) for chunk in texts]
        _add(expected, words.postings_of(read))
        chunks, length = chunks + len(read), length + sum(chunk.length for chunk in read)
        lexemes = {chunk.chunk_id: chunk.lexemes(snapshot.collection_id) for chunk in read}
        differing += _differing(snapshot.connection, lexemes)
    if differing:
        yield Problem(where, f"{differing} chunks have other words than their texts", _MEND)
    if _held(snapshot) != {block: total for block, total in expected.items() if total}:
        yield Problem(where, "the postings are not those of the texts", _MEND)
    if _totals(snapshot) != (chunks, length, chunks):
        yield Problem(where, "words are counted wrongly", _MEND)
    graph = graph_of(snapshot.connection, snapshot.space_id)
    if graph is not None and not graph.is_valid:
        yield Problem(f"index {graph.name}", "was left half made", _MEND)


def _add(sums: Sums, postings: Mapping[words.Key, bytes]) -> None:
    for (word, block), data in postings.items():
        begun = xxhash.xxh3_64(word.encode())
        for first in range(0, len(data), words.POSTING.itemsize):
            one = begun.copy()
            one.update(data[first : first + words.POSTING.itemsize])
            sums[block] = (sums[block] + one.intdigest()) & _MASK


def _held(snapshot: Snapshot) -> Sums:
    found: Sums = defaultdict(int)
    rows = snapshot.connection.execute(
        text("SELECT word, block, data FROM postings WHERE collection_id = :id"),
        {"id": snapshot.collection_id},
        execution_options={"yield_per": _ROWS_A_FETCH},
    )
    for word, block, data in rows:
        _add(found, {(word, block): data})
    return found


def _differing(connection: Connection, lexemes: Mapping[int, str]) -> int:
    """How many of these chunks have other words than these, or none."""
    query = text(
        "SELECT count(*) FROM unnest(CAST(:ids AS bigint[]), CAST(:lexemes AS text[])) AS n(id, lexemes) "
        "LEFT JOIN chunk_words w ON w.chunk_id = n.id WHERE w.words IS DISTINCT FROM n.lexemes::tsvector"
    )
    values = {"ids": list(lexemes), "lexemes": list(lexemes.values())}
    return int(connection.scalar(query, values) or 0)


def _totals(snapshot: Snapshot) -> tuple[int, int, int]:
    query = text(
        "SELECT coalesce(t.chunks, 0), coalesce(t.words, 0), "
        "(SELECT count(*) FROM chunk_words WHERE collection_id = :id) "
        "FROM (SELECT) one LEFT JOIN word_totals t ON t.collection_id = :id"
    )
    chunks, length, rows = snapshot.connection.execute(query, {"id": snapshot.collection_id}).one()
    return int(chunks), int(length), int(rows)
