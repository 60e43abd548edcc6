"""BM25 over the postings that `ragent.store.words` keeps; every score is exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragent.index.fields import FieldCondition
from ragent.protocols import Ids, Vectors
from ragent.retrieval.database.moment import DatabaseMoment
from ragent.store.words import BLOCK, POSTING
from ragent.words.bm25 import K1, rarity, saturated

_NOTHING: tuple[Ids, Vectors] = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)

_POSTINGS = (
    "SELECT word, block, data FROM postings WHERE collection_id = %(collection)s AND word = ANY(%(words)s)"
)

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Postings:
    """Chunks, how often a word or phrase stands in each, and how long each is; all of shape (n,)."""

    ids: Ids
    counts: NDArray[np.int64]
    lengths: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Scored:
    """Chunks, ascending, that share something with a query, and their scores."""

    ids: Ids
    scores: NDArray[np.float64]

    def of(self, ids: Ids) -> Vectors:
        """The scores of given chunks, 0 for all others."""
        if not len(self.ids):
            return np.zeros(len(ids), np.float32)
        places = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[places] == ids, self.scores[places], 0.0).astype(np.float32)


class DatabaseKeyword:
    """A `KeywordView`."""

    def __init__(self, moment: DatabaseMoment) -> None:
        self._moment = moment
        self._reader = moment.reader
        self._read: dict[str, _Postings] = {}
        self._found: dict[Phrase, _Postings] = {}
        self._scored: dict[str, _Scored] = {}

    def __len__(self) -> int:
        return self._moment.place.chunks

    def search(self, query: str, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """At most `k` ids with their scores, best first; with `among`, ascending, only of those chunks."""
        if k < 1:
            return _NOTHING
        scored = self._all(query)
        ids, scores = scored.ids, scored.scores
        if among is not None:
            inside = np.isin(ids, among)
            ids, scores = ids[inside], scores[inside]
        if len(ids) > k:
            least = -np.partition(-scores, k - 1)[k - 1]
            good = scores >= least
            ids, scores = ids[good], scores[good]
        order = np.lexsort((ids, -scores))[:k]
        return ids[order], scores[order].astype(np.float32)

    def score(self, query: str, ids: Ids) -> Vectors:
        """Scores, shape (n,), of the given ids; 0 for those that share no word with the query."""
        return self._all(query).of(ids)

    def matching(self, conditions: Iterable[FieldCondition]) -> Ids | None:
        """Ids, ascending, of the chunks that meet all these conditions; None for such of stop words alone."""
        return self._moment.matching(conditions)

    def contributions(self, query: str, ids: Ids) -> dict[str, Vectors]:
        """What each word and quoted phrase of the query adds to the scores of some chunks, shape (n,)."""
        return self._reader.contributions(query, lambda part: self.score(part, ids))

    def words(self, text: str) -> frozenset[str]:
        """The distinct keywords of a text."""
        return frozenset(self._reader.read(text))

    def rarities(self, query: str) -> dict[str, float]:
        """BM25's inverse document frequency of each keyword of a query."""
        words = list(dict.fromkeys(self._reader.of(query)))
        postings = self._postings(words)
        return {word: rarity(len(self), len(postings[word].ids)) for word in words}

    def ceiling(self, query: str) -> float:
        """The score that no chunk can pass: that of one which repeats the query's words without end."""
        phrases = [word for words in self._reader.phrases(query) for word in words]
        rarities = self.rarities(query)
        return (K1 + 1) * sum(rarities[word] for word in [*self._reader.of(query), *phrases])

    # -- scores ------------------------------------------------------------------------------------------

    def _all(self, query: str) -> _Scored:
        if query not in self._scored:
            self._scored[query] = self._score_all(query)
        return self._scored[query]

    def _score_all(self, query: str) -> _Scored:
        place = self._moment.place
        words = Counter(self._reader.of(query))
        rarities, postings = self.rarities(query), self._postings(list(words))
        parts = [(postings[word], count * rarities[word]) for word, count in words.items()]
        for phrase in map(tuple, self._reader.phrases(query)):
            parts.append((self._phrase(phrase), sum(rarities[word] for word in phrase)))
        mean = place.words / max(1, place.chunks)
        ids = [found.ids for found, _ in parts]
        worth = [weight * saturated(found.counts, found.lengths, mean) for found, weight in parts]
        return _summed(ids, worth) if any(map(len, ids)) else _Scored(*_NOTHING)  # type: ignore[arg-type]

    def _postings(self, words: Sequence[str]) -> Mapping[str, _Postings]:
        lacking = [word for word in words if word not in self._read]
        if lacking:
            asked = {"collection": self._moment.place.collection_id, "words": lacking}
            rows: dict[str, list[tuple[int, bytes]]] = {word: [] for word in lacking}
            for word, block, data in self._moment.rows(_POSTINGS, asked):
                rows[word].append((block, data))
            self._read.update((word, _unpacked(found)) for word, found in rows.items())
        return self._read

    def _phrase(self, phrase: Phrase) -> _Postings:
        if phrase not in self._found:
            self._found[phrase] = self._look_for(phrase)
        return self._found[phrase]

    def _look_for(self, phrase: Phrase) -> _Postings:
        lexemes = [f"{self._moment.place.collection_id}:{word}" for word in phrase]
        rows = self._moment.rows(
            "SELECT w.chunk_id, w.length, p.lexeme, p.positions FROM chunk_words w, unnest(w.words) p "
            "WHERE w.words @@ CAST(%(phrase)s AS tsquery) AND p.lexeme = ANY(%(lexemes)s)",
            {"phrase": " <-> ".join(f"'{lexeme}'" for lexeme in lexemes), "lexemes": lexemes},
        )
        lengths: dict[int, int] = {}
        places: dict[int, dict[str, set[int]]] = {}
        for id_, length, lexeme, positions in rows:
            lengths[id_] = length
            places.setdefault(id_, {})[lexeme] = set(positions)
        counts = [
            sum(all(at + i in held[lexeme] for i, lexeme in enumerate(lexemes)) for at in held[lexemes[0]])
            for held in places.values()
        ]
        ids, long = np.array([*lengths.items()], np.int64).reshape(-1, 2).T
        return _Postings(ids, np.array(counts, np.int64), long)


def _unpacked(rows: Sequence[tuple[int, bytes]]) -> _Postings:
    packed = np.frombuffer(b"".join(data for _, data in rows), POSTING)
    firsts = np.array([block * BLOCK for block, _ in rows], np.int64)
    held = [len(data) // POSTING.itemsize for _, data in rows]
    ids = np.repeat(firsts, held) + packed["at"]
    return _Postings(ids, packed["count"].astype(np.int64), packed["length"].astype(np.int64))


def _summed(ids: Sequence[Ids], worth: Sequence[NDArray[np.float64]]) -> _Scored:
    """Adds up by chunk. A word has a chunk once, so that each is one sum over an array of all the blocks."""
    blocks = np.unique(np.concatenate([some // BLOCK for some in ids]))
    total = np.zeros(len(blocks) * BLOCK)
    for some, each in zip(ids, worth, strict=True):
        total[np.searchsorted(blocks, some // BLOCK) * BLOCK + some % BLOCK] += each
    places = np.flatnonzero(total)
    return _Scored(blocks[places // BLOCK] * BLOCK + places % BLOCK, total[places])
