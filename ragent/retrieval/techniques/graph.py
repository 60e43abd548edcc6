"""Which chunks speak of the same things: a graph of chunks and the names in them, for walks of several hops.

Personalised PageRank over co-mentions is that of HippoRAG (Gutiérrez et al. 2024, arXiv:2405.14831), with
names found by how they are written instead of by a language model.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragent.index.names import key_of, normalise
from ragent.protocols import Ids
from ragent.retrieval.techniques.naming import complete_names
from ragent.store import Collection, Store
from ragent.words.stopwords import STOP_WORDS

Weights = NDArray[np.float32]

_TITLE_WEIGHT = 3.0
"""A chunk whose document is called by a name has more to do with it than one that mentions it."""

_MOST_COMMON = 0.1
"""What more than this share of the chunks name tells none from another."""

_SHORTEST = 3
_LONGEST_TITLE = 12
_STEPS = 10
_RESTART = 0.5
_QUALIFIER = re.compile(r"\s*\([^()]*\)\s*$")


@dataclass(frozen=True, slots=True)
class Titled:
    """What is called by a title: the documents' chunks, by id, and how rare the title is in texts, 0 to 1."""

    title: str
    chunks: tuple[int, ...]
    rarity: float


class NameGraph:
    """The graph of one collection as of `generation`. Immutable, so safe for threads."""

    def __init__(self, store: Store, collection: Collection) -> None:
        """Read it from the store. Names that an older ragent didn't extract are extracted and noted."""
        with store.snapshot(collection) as snapshot:
            self.generation = snapshot.generation
            rows = [row for some in snapshot.named() for row in some]
            titles = {document: _title(title) for document, title in snapshot.titles().items()}
        names = complete_names(store, collection, {chunk: data for chunk, _, data in rows})
        rows = [row for row in rows if row[0] in names]
        self._ids: Ids = np.array([chunk for chunk, _, _ in rows], np.int64)
        own = [titles.get(document, "") for _, document, _ in rows]
        self._titled: dict[str, list[int]] = defaultdict(list)
        for row, title in enumerate(own):
            if title:
                self._titled[title].append(row)
        keys = [names[chunk] for chunk, _, _ in rows]
        self._keys, self._counts = _count(keys)
        self._to_names, self._to_chunks = self._transitions(keys, own)

    def __len__(self) -> int:
        return len(self._ids)

    def rank(self, seeds: Mapping[int, float]) -> tuple[Ids, Weights]:
        """Personalised PageRank: where walks from some chunks lead to.

        Args:
            seeds: by chunk id, how likely a walk begins there; they need not sum to 1.

        Returns:
            Chunk ids, best first, and scores of which the best is 1; only chunks that a walk reaches.
        """
        start = np.zeros(len(self), np.float32)
        for id_, weight in seeds.items():
            row = int(np.searchsorted(self._ids, id_))
            if row < len(self) and self._ids[row] == id_:
                start[row] = weight
        if not start.sum() > 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        start /= start.sum()
        at = start
        for _ in range(_STEPS):
            at = _RESTART * start + (1 - _RESTART) * (self._to_chunks @ (self._to_names @ at))
        # Without what is there only because every walk begins there.
        reached = at - _RESTART * start
        order = np.lexsort((self._ids, -reached))
        order = order[reached[order] > 0]
        best = reached[order[:1]]
        return self._ids[order], (reached[order] / best).astype(np.float32)

    def titles_in(self, text: str) -> Iterator[Titled]:
        """What has a title that stands in a text, in whatever case; each title once."""
        pieces = normalise(text).split()
        seen = set()
        for first in range(len(pieces)):
            for last in range(first + 1, min(first + _LONGEST_TITLE, len(pieces)) + 1):
                title = " ".join(pieces[first:last])
                if title in self._titled and title not in seen:
                    seen.add(title)
                    chunks = tuple(int(self._ids[row]) for row in self._titled[title])
                    yield Titled(title, chunks, self.rarity(title))

    def mentions(self, name: str) -> int:
        """In how many chunks a normalised name was found."""
        place, key = int(np.searchsorted(self._keys, key_of(name))), key_of(name)
        return int(self._counts[place]) if place < len(self._keys) and self._keys[place] == key else 0

    def rarity(self, name: str) -> float:
        """1 for a name that is found once at most, 0 for one that every chunk mentions."""
        if len(self) < 2:
            return 1.0
        return 1 - math.log(max(1, self.mentions(name))) / math.log(len(self))

    def _transitions(self, keys: Sequence[Ids], own: Sequence[str]) -> tuple[Any, Any]:
        """Probabilities of a step from a chunk to a name, shape (names, chunks), and of one back."""
        from scipy.sparse import csr_array

        count = max(2, len(keys))
        weight = (np.log(count / self._counts) / math.log(count)).astype(np.float32)
        weight[(self._counts < 2) | (self._counts > max(_FEW, _MOST_COMMON * count))] = 0
        chunks = np.repeat(np.arange(len(keys)), [len(some) for some in keys])
        places = np.searchsorted(self._keys, np.concatenate(keys)) if keys else np.empty(0, np.int64)
        weights = weight[places]
        called = np.array([key_of(title) for title in own], np.int64)[chunks]
        weights[self._keys[places] == called] *= _TITLE_WEIGHT
        kept = weights > 0
        shape = (len(keys), len(self._keys))
        links = csr_array((weights[kept], (chunks[kept], places[kept])), shape=shape)
        return _normalised(links.T.tocsr()), _normalised(links)


_FEW = 10
"""So many chunks may share a name in the smallest collection, too."""


def _count(keys: Sequence[Ids]) -> tuple[Ids, NDArray[np.int64]]:
    found = np.concatenate(keys) if keys else np.empty(0, np.int64)
    distinct, counts = np.unique(found, return_counts=True)
    return distinct.astype(np.int64), counts.astype(np.int64)


def _normalised(links: Any) -> Any:
    """Each column sums to 1, or is empty."""
    from scipy.sparse import diags_array

    sums = np.asarray(links.sum(axis=0)).ravel()
    return links @ diags_array(np.divide(1, sums, out=np.zeros_like(sums), where=sums > 0))


def _title(title: str) -> str:
    """A title as texts mention it: without a qualifier in brackets. "" where it says nothing."""
    bare = normalise(_QUALIFIER.sub("", title)) or normalise(title)
    return "" if len(bare) < _SHORTEST or all(word in STOP_WORDS for word in bare.split()) else bare
