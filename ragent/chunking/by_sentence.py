"""Whole sentences, as many as fit."""

from __future__ import annotations

from collections.abc import Iterator

from ragent.chunking.fitting import Fitter, Shape
from ragent.chunking.spans import Span, by_sentences, by_words, merged
from ragent.chunking.weights import Weights
from ragent.protocols import Tokenizer
from ragent.types import Chunk, Document


class SentenceChunker:
    """Puts as many sentences together as the target allows. One that is longer by itself is cut at words."""

    def __init__(self, tokenizer: Tokenizer, shape: Shape) -> None:
        self._tokenizer = tokenizer
        self._shape = shape

    def chunk(self, document: Document) -> list[Chunk]:
        """In order; every non-blank character is in a chunk."""
        if not document.text.strip():
            return []
        fitter = Fitter(document, self._tokenizer, self._shape)
        size = fitter.size()
        sentences = short_sentences(document.text, fitter.weights, size)
        return fitter.chunks(merged(sentences, fitter.weights, size))


def short_sentences(text: str, weights: Weights, size: int) -> Iterator[Span]:
    """The sentences of a text, those heavier than `size` cut at words."""
    for start, end in by_sentences(text, 0, len(text)):
        if weights.between(start, end) > size:
            yield from by_words(text, start, end, weights, size)
        else:
            yield start, end
