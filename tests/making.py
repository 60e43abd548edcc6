"""Small things that many tests make: documents, vectors, a deterministic embedder without a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import xxhash

from ragent.protocols import Vectors
from ragent.store import NewDocument
from ragent.types import Chunk, Document, Fingerprint

DIMENSION = 16
FINGERPRINT = Fingerprint("hashed-words", "1", "mean", "", "", DIMENSION, normalized=True)


def new_document(uri: str, paragraphs: Sequence[str], *, title: str = "") -> NewDocument:
    """A document of one chunk a paragraph, embedded by `HashedWords`."""
    text = "\n\n".join(paragraphs)
    chunks = []
    start = 0
    for paragraph in paragraphs:
        chunks.append(Chunk(start, start + len(paragraph), paragraph, title, len(paragraph.split())))
        start += len(paragraph) + 2
    vectors = HashedWords().embed_documents(paragraphs)
    content_hash = xxhash.xxh3_128_hexdigest(text.encode())
    return NewDocument(Document(uri, title, text, "text/plain"), "1", content_hash, tuple(chunks), vectors)


class WordTokenizer:
    """A token is a run of non-blank characters."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\S+", text)]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self.offsets(text)) for text in texts]


@dataclass(frozen=True)
class HashedWords:
    """An embedder for tests of everything around embedding: texts that share words are alike."""

    max_tokens: int = 64
    fingerprint: Fingerprint = FINGERPRINT
    tokenizer: WordTokenizer = field(default_factory=WordTokenizer)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if any(count > self.max_tokens for count in self.tokenizer.count(texts)):
            raise ValueError("a text is longer than max_tokens")
        return np.array([self._embed(text) for text in texts], np.float32).reshape(len(texts), DIMENSION)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return np.array([self._embed(text) for text in texts], np.float32).reshape(len(texts), DIMENSION)

    def _embed(self, text: str) -> Vectors:
        total = np.full(DIMENSION, 1e-3, np.float32)
        for word in re.findall(r"\w+", text.lower()):
            seed = xxhash.xxh32_intdigest(word.encode())
            total += np.random.default_rng(seed).standard_normal(DIMENSION, dtype=np.float32)
        return total / np.linalg.norm(total)
