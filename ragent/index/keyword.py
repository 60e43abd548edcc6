"""Keyword search by BM25 (Robertson and Zaragoza 2009), over tantivy.

Title, context and text share one field, in which the title stands twice: weights by repetition, which keep
BM25's saturation over all of a chunk's words (Robertson, Zaragoza and Taylor 2004), unlike a sum of scores by
field. A query is never parsed: its words are looked up, whatever characters it holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from tantivy import Occur, Query

from ragent.errors import CorruptIndex
from ragent.index.fields import FIELDS, FieldCondition
from ragent.protocols import Ids, Vectors
from ragent.store import IndexedText
from ragent.words.analysis import prepare
from ragent.words.bm25 import K1, rarity
from ragent.words.queries import QueryWords

_ANALYZER = "english"
_WRITER_BYTES = 64_000_000
_IDS_A_DELETE = 4096
_LOOKED_UP = 0.25
"""What passing over a chunk costs, as a share of looking one up by its id."""
_NAMED = 300
"""So many ids are faster looked up one by one than as a set."""
_NOTHING: tuple[Ids, Vectors] = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)


class KeywordIndex:
    """BM25 over chunks, in a folder or (without one) in memory. One writer at a time, many searches."""

    def __init__(self, folder: Path | None) -> None:
        """Open what is in the folder, or begin there. Raises CorruptIndex when tantivy can't read it."""
        self._words = QueryWords()
        self._schema = _schema()
        try:
            self._index = tantivy.Index(self._schema, path=str(folder) if folder else None)
            self._index.register_tokenizer(_ANALYZER, self._words.analyzer)
            self._searcher = self._index.searcher()
        except ValueError as error:
            raise CorruptIndex(f"keyword index {folder}: {error}", hint="ragent index rebuild") from error

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def update(self, removed: Ids, added: Iterable[list[IndexedText]]) -> int:
        """Remove chunks by id, add others, and commit all of it in one step; how many were added.

        An added chunk replaces one of the same id, so that an update may be repeated.
        """
        writer = self._index.writer(heap_size=_WRITER_BYTES, num_threads=1)
        for first in range(0, len(removed), _IDS_A_DELETE):
            writer.delete_documents_by_query(self._among(removed[first : first + _IDS_A_DELETE]))
        count = 0
        for texts in added:
            writer.delete_documents_by_query(self._among([text.chunk_id for text in texts]))
            for text in texts:
                writer.add_document(_document(text))
            count += len(texts)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()
        return count

    def search(self, query: str, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """At most `k` ids with their BM25 scores, best first, of chunks that share a word with the query.

        With `among`, ascending, only of those chunks. Rarity is still counted over all chunks.
        """
        wanted = self._parse(query)
        if wanted is None or k < 1 or (among is not None and not len(among)):
            return _NOTHING
        if among is None:
            return self._run(wanted, k)
        # Sifting looks at about `k * len(self) / len(among)` chunks, looking up at each of `among`.
        if len(among) <= _NAMED or len(among) ** 2 <= k * len(self) * _LOOKED_UP:
            return self._run(self._confined(wanted, among), k)
        return self._sifted(wanted, k, among)

    def matching(self, conditions: Iterable[FieldCondition]) -> Ids | None:
        """Ids, ascending, of the chunks that meet all these conditions; None for such of stop words alone."""
        parts = [part for condition in conditions for part in self._having(condition)]
        if not parts:
            return None
        everywhere = Query.const_score_query(Query.boolean_query([(Occur.Must, part) for part in parts]), 0.0)
        return np.sort(self._run(everywhere, max(1, len(self)))[0])

    def score(self, query: str, ids: Ids) -> Vectors:
        """BM25 scores, shape (n,), of the given ids; 0 for those that share no word with the query."""
        scores = np.zeros(len(ids), dtype=np.float32)
        wanted = self._parse(query)
        if wanted is None or not len(ids):
            return scores
        columns = self._run(self._confined(wanted, ids), len(ids))
        found = dict(zip(*(column.tolist() for column in columns), strict=True))
        return np.array([found.get(int(i), 0.0) for i in ids], dtype=np.float32)

    def contributions(self, query: str, ids: Ids) -> dict[str, Vectors]:
        """What each word and quoted phrase of the query adds to the scores of some chunks, shape (n,)."""
        return self._words.contributions(query, lambda part: self.score(part, ids))

    def words(self, text: str) -> frozenset[str]:
        """The distinct keywords of a text."""
        return frozenset(self._words.read(text))

    def rarities(self, query: str) -> dict[str, float]:
        """BM25's inverse document frequency of each keyword of a query."""
        return {word: self._rarity(word) for word in dict.fromkeys(self._words.of(query))}

    def ceiling(self, query: str) -> float:
        """The score that no chunk can pass: that of one which repeats the query's words without end."""
        phrases = (word for words in self._words.phrases(query) for word in words)
        return (K1 + 1) * sum(self._rarity(word) for word in [*self._words.of(query), *phrases])

    def _confined(self, query: Query, ids: Ids) -> Query:
        among = self._any_of(ids) if len(ids) <= _NAMED else self._among(ids)
        return Query.boolean_query([(Occur.Must, Query.const_score_query(among, 0.0)), (Occur.Must, query)])

    def _any_of(self, ids: Ids) -> Query:
        return Query.boolean_query(
            [(Occur.Should, Query.term_query(self._schema, "id", id_)) for id_ in ids.tolist()]
        )

    def _sifted(self, query: Query, k: int, among: Ids) -> tuple[Ids, Vectors]:
        """Looks deeper until `k` of what was found are among the ids, or nothing more is to be found."""
        depth = 2 * k * max(1, len(self) // len(among))
        while True:
            ids, scores = self._run(query, depth)
            places = np.minimum(np.searchsorted(among, ids), len(among) - 1)
            kept = np.flatnonzero(among[places] == ids)[:k]
            if len(kept) == k or len(ids) < depth:
                return ids[kept], scores[kept]
            depth *= 4

    def _having(self, condition: FieldCondition) -> list[Query]:
        words = self._words.read(condition.text)
        if condition.is_phrase and len(words) > 1:
            return [Query.phrase_query(self._schema, condition.field, words)]
        return [Query.term_query(self._schema, condition.field, word) for word in words]

    def _run(self, query: Query, k: int) -> tuple[Ids, Vectors]:
        hits = self._searcher.search(query, k, count=False).hits
        ids = self._searcher.fast_field_values("id", [address for _, address in hits])
        return np.array(ids, dtype=np.int64), np.array([score for score, _ in hits], dtype=np.float32)

    def _parse(self, query: str) -> Query | None:
        """The words of the query, each as often as it stands there, and its quoted phrases on top of them."""
        parts = [
            self._boosted(Query.term_query(self._schema, "body", word), count)
            for word, count in Counter(self._words.of(query)).items()
        ]
        parts += [Query.phrase_query(self._schema, "body", words) for words in self._words.phrases(query)]
        return Query.boolean_query([(Occur.Should, part) for part in parts]) if parts else None

    def _rarity(self, word: str) -> float:
        # Removed chunks are still counted where a word stands, until tantivy merges them away.
        frequency = self._searcher.doc_freq("body", word)
        count = max(len(self), frequency)
        return rarity(count, frequency)

    def _boosted(self, query: Query, count: int) -> Query:
        return query if count == 1 else Query.boost_query(query, float(count))

    def _among(self, ids: Iterable[int]) -> Query:
        return Query.term_set_query(self._schema, "id", [int(i) for i in ids])


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    builder.add_text_field("body", tokenizer_name=_ANALYZER)
    for field in FIELDS:
        builder.add_text_field(field, tokenizer_name=_ANALYZER)
    return builder.build()


def _document(text: IndexedText) -> tantivy.Document:
    document = tantivy.Document()
    document.add_unsigned("id", text.chunk_id)
    title, heading = prepare(text.title), prepare(text.context)
    document.add_text("body", "\n".join([title, title, heading, prepare(text.text)]))
    document.add_text("title", title)
    document.add_text("heading", heading)
    return document
