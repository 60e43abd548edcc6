"""What the tests of chunkers share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ragent.chunking import Shape, embedding_text
from ragent.protocols import Tokenizer
from ragent.types import Chunk, Document


def sentences(count: int, words: int = 10) -> str:
    return " ".join(f"Sentence {n} has " + " ".join(["word"] * (words - 4)) + " end." for n in range(count))


def check(document: Document, chunks: Sequence[Chunk], tokenizer: Tokenizer, shape: Shape) -> None:
    covered = 0
    for chunk in chunks:
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert chunk.text
        assert chunk.text == chunk.text.strip()
        assert not document.text[covered : chunk.start].strip()
        assert chunk.end > covered
        assert tokenizer.count([document.text[chunk.start : max(covered, chunk.start)]])[0] <= shape.overlap
        covered = chunk.end
        assert chunk.tokens == tokenizer.count([embedding_text(chunk.context, chunk.text)])[0]
        assert chunk.tokens <= shape.max_tokens
        on = [page.number for page in document.pages if page.start <= chunk.start < page.end]
        assert [chunk.page] == (on if document.pages else [None])
    assert not document.text[covered:].strip()
    assert all(left.start < right.start for left, right in pairwise(chunks))
