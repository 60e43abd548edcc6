"""Fixed windows of tokens: the plainest chunker, and the one to beat."""

from __future__ import annotations

from ragent.chunking.fitting import Fitter, Shape
from ragent.chunking.spans import windows
from ragent.protocols import Tokenizer
from ragent.types import Chunk, Document


class FixedChunker:
    """Cuts after every so many tokens, at the end of a word."""

    def __init__(self, tokenizer: Tokenizer, shape: Shape) -> None:
        self._tokenizer = tokenizer
        self._shape = shape

    def chunk(self, document: Document) -> list[Chunk]:
        """In order; every non-blank character is in a chunk."""
        text = document.text
        if not text.strip():
            return []
        fitter = Fitter(document, self._tokenizer, self._shape)
        return fitter.chunks(windows(text, 0, len(text), fitter.weights, fitter.size()))
