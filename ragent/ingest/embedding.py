"""Embeds the chunks of a batch: only texts that have no vector yet, each once, by length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from ragent.chunking import embedding_text
from ragent.protocols import Embedder, Vectors
from ragent.store.vectors import decode

_TEXTS_A_CALL = 2048


class Embeddable(Protocol):
    """What of a chunk is embedded."""

    @property
    def context(self) -> str: ...

    @property
    def text(self) -> str: ...


def embed_chunks(
    embedder: Embedder, chunks: Sequence[Embeddable], held: Mapping[tuple[str, str], bytes]
) -> tuple[Vectors, int]:
    """Vectors, one row a chunk, and how many texts were embedded.

    Args:
        embedder: What makes vectors.
        chunks: Of any number of documents.
        held: Stored vectors by (context, text), taken as they are.
    """
    dimension = embedder.fingerprint.dimension
    row_of: dict[tuple[str, str], int] = {}
    for chunk in chunks:
        row_of.setdefault((chunk.context, chunk.text), len(row_of))
    vectors = np.empty((len(row_of), dimension), dtype=np.float32)
    new = []
    for key, row in row_of.items():
        data = held.get(key)
        if data is not None and len(data) == 2 * dimension:
            vectors[row] = decode([data])[0]
        else:
            new.append((key, row))
    # Sorted over the whole batch, so that a call holds texts of like length.
    new.sort(key=lambda pair: len(pair[0][0]) + len(pair[0][1]))
    for first in range(0, len(new), _TEXTS_A_CALL):
        some = new[first : first + _TEXTS_A_CALL]
        texts = [embedding_text(*key) for key, _ in some]
        vectors[[row for _, row in some]] = embedder.embed_documents(texts)
    return vectors[[row_of[chunk.context, chunk.text] for chunk in chunks]], len(new)
