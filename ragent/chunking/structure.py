"""Structure-aware chunking: sections, then paragraphs, then sentences, by the embedder's own tokens."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ragent.chunking.atoms import Atom, Weights, atoms, split, trimmed
from ragent.chunking.context import Contexts, embedding_text, join_labels, with_label
from ragent.chunking.packing import Sizes, pack
from ragent.errors import ConfigError
from ragent.protocols import Tokenizer
from ragent.types import Block, Chunk, Document

_TARGET = 200
_LEAST = 32
_WHOLE = 1.25
_GRAINS = 8
_Span = tuple[int, int, str]


class StructureChunker:
    """Packs whole blocks of a section into chunks of about `target_tokens`, never over `max_tokens`.

    Args:
        tokenizer: The embedder's own.
        max_tokens: The most tokens of a chunk, its context included; at least 32.
        context: Whether title and heading path are embedded with each chunk.
        target_tokens: What a chunk should have; small chunks are precise, large ones complete.

    Raises:
        ConfigError: `max_tokens` is too small to hold a heading and a sentence.
    """

    def __init__(
        self, tokenizer: Tokenizer, max_tokens: int, *, context: bool = True, target_tokens: int = _TARGET
    ) -> None:
        if max_tokens < _LEAST:
            raise ConfigError(f"max_tokens is {max_tokens}", hint=f"[chunking] needs at least {_LEAST}")
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._context = context
        self._target = min(target_tokens, max_tokens * 4 // 5)

    def chunk(self, document: Document) -> list[Chunk]:
        """In order, without overlap; every non-blank character is in one chunk."""
        if not document.text.strip():
            return []
        weights = Weights(self._tokenizer.offsets(document.text), len(document.text))
        most = self._max_tokens // 4 if self._context else 0
        contexts = Contexts(document.title, self._tokenizer, most)
        pieces = self._pieces(document, weights)
        if self._context:
            contexts.prepare(with_label(atom.path, atom.label) for atom in pieces)
        room = [self._max_tokens - self._overhead(contexts, atom) for atom in pieces]
        spans = [
            (pieces[first].start, pieces[last - 1].end, self._context_of(pieces[first:last], contexts))
            for first, last in pack(pieces, weights, Sizes(self._target, room))
        ]
        return self._fitted(document, spans, weights)

    def _pieces(self, document: Document, weights: Weights) -> list[Atom]:
        room = self._max_tokens * 3 // 4 - 1 if self._context else self._max_tokens
        return atoms(document, weights, min(int(self._target * _WHOLE), room), self._target // _GRAINS)

    def _overhead(self, contexts: Contexts, atom: Atom) -> int:
        return contexts.tokens(with_label(atom.path, atom.label)) if self._context else 0

    def _context_of(self, covered: Sequence[Atom], contexts: Contexts) -> str:
        """Title and the headings common to a chunk's atoms, less the one that the text begins with; and their
        labels, joined, unless they stand under different headings.
        """
        if not self._context:
            return ""
        first = covered[0]
        path = first.path
        for atom in covered:
            while atom.path[: len(path)] != path:
                path = path[:-1]
        if first.heading and path == first.path:
            path = path[:-1]
        labelled = [atom for atom in covered if atom.label]
        together = len({atom.path for atom in labelled}) == 1
        return contexts.text(with_label(path, join_labels(a.label for a in labelled) if together else ""))

    def _fitted(self, document: Document, spans: Sequence[_Span], weights: Weights) -> list[Chunk]:
        """Counts each chunk as it will be embedded. What is over the limit after all (tokens of a part don't
        always add up to those of the whole) is split until it fits."""
        chunks: list[Chunk] = []
        pages = [page.start for page in document.pages]
        pending = list(spans)
        while pending:
            texts = [document.text[start:end] for start, end, _ in pending]
            joined = [
                embedding_text(context, text) for (_, _, context), text in zip(pending, texts, strict=True)
            ]
            over: list[_Span] = []
            for span, tokens in zip(pending, self._tokenizer.count(joined), strict=True):
                start, end, context = span
                if tokens > self._max_tokens:
                    over += _halved(document.text, span, weights)
                    continue
                page = document.pages[max(bisect_right(pages, start) - 1, 0)].number if pages else None
                chunks.append(Chunk(start, end, document.text[start:end], context, tokens, page))
            pending = over
        return sorted(chunks, key=lambda chunk: chunk.start)


def _halved(text: str, span: _Span, weights: Weights) -> list[_Span]:
    """Two parts, cut at the seam nearest to the middle. A lone character gives up its context instead."""
    start, end, context = span
    if end - start == 1:
        if not context:
            raise ConfigError("one character has more tokens than a chunk may", hint="raise max_tokens")
        return [(start, end, "")]
    weight = weights.between(start, end)
    inner = [
        first for first, _, _ in split(text, Block("paragraph", start, end), weights, max(1, weight // 2))
    ]
    middle = weights.before(start) + weight / 2
    cut = min(inner[1:], key=lambda first: abs(weights.before(first) - middle), default=(start + end) // 2)
    halves = (trimmed(text, start, cut), trimmed(text, cut, end))
    return [(*half, context) for half in halves if half]
