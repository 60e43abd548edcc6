"""Which pairs are worth comparing: for each row of one table, those of the other that the indexes find."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragent.corpus.matching.scoring import Pair
from ragent.corpus.matching.tables import Record
from ragent.protocols import Embedder
from ragent.store import IndexedText


def candidate_pairs(
    lefts: Sequence[Record], rights: Sequence[Record], k: int, embedder: Embedder | None = None
) -> list[Pair]:
    """Pairs of rows, in order, that BM25 or (with an embedder) cosine puts among the `k` nearest.

    Looked for from both sides: a row that is nobody's nearest still brings its own.
    """
    texts = [" ".join(record.values()) for record in lefts], [" ".join(record.values()) for record in rights]
    found = _by_keywords(texts[0], texts[1], k)
    found |= {(left, right) for right, left in _by_keywords(texts[1], texts[0], k)}
    if embedder is not None:
        found |= _by_meaning(texts[0], texts[1], k, embedder)
    return sorted(found)


def _by_keywords(queries: Sequence[str], texts: Sequence[str], k: int) -> set[Pair]:
    from ragent.index.keyword import KeywordIndex

    index = KeywordIndex(None)
    index.update(np.empty(0, np.int64), [[IndexedText(row, "", "", text) for row, text in enumerate(texts)]])
    return {
        (row, int(other))
        for row, query in enumerate(queries)
        for other in index.search(query.replace('"', " "), k)[0]
    }


def _by_meaning(lefts: Sequence[str], rights: Sequence[str], k: int, embedder: Embedder) -> set[Pair]:
    from ragent.index.dense import Dense

    # As queries, for a record may be longer than the embedder reads at once.
    vectors = [embedder.embed_queries(texts) for texts in (lefts, rights)]
    dense = Dense(embedder.fingerprint.dimension)
    dense.add(np.arange(len(rights), dtype=np.int64), vectors[1])
    nearest, _ = dense.search(vectors[0], k)
    return {(left, int(right)) for left, row in enumerate(nearest) for right in row if right >= 0}
