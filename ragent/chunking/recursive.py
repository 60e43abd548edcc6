"""Recursive splitting: paragraphs, then lines, then sentences, then words, as in LangChain and Chroma."""

from __future__ import annotations

from collections.abc import Iterator

from ragent.chunking.fitting import Fitter, Shape
from ragent.chunking.spans import Span, by_lines, by_paragraphs, by_sentences, by_words, merged
from ragent.chunking.weights import Weights
from ragent.protocols import Tokenizer
from ragent.types import Chunk, Document

_LEVELS = (by_paragraphs, by_lines, by_sentences)


class RecursiveChunker:
    """Puts paragraphs together up to the target; one that is over it is treated likewise by its parts."""

    def __init__(self, tokenizer: Tokenizer, shape: Shape) -> None:
        self._tokenizer = tokenizer
        self._shape = shape

    def chunk(self, document: Document) -> list[Chunk]:
        """In order; every non-blank character is in a chunk."""
        if not document.text.strip():
            return []
        fitter = Fitter(document, self._tokenizer, self._shape)
        whole = (0, len(document.text))
        return fitter.chunks(_split(document.text, whole, fitter.weights, fitter.size()))


def _split(text: str, span: Span, weights: Weights, size: int, level: int = 0) -> Iterator[Span]:
    if level == len(_LEVELS):
        yield from by_words(text, *span, weights, size)
        return
    small: list[Span] = []
    for part in _LEVELS[level](text, *span):
        if weights.between(*part) <= size:
            small.append(part)
            continue
        yield from merged(small, weights, size)
        small = []
        yield from _split(text, part, weights, size, level + 1)
    yield from merged(small, weights, size)
