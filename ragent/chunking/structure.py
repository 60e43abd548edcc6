"""Structure-aware chunking: sections, then paragraphs, then sentences, by the embedder's own tokens."""

from __future__ import annotations

from ragent.chunking.atoms import atoms
from ragent.chunking.fitting import Fitter, Shape
from ragent.chunking.packing import Sizes, pack
from ragent.protocols import Tokenizer
from ragent.types import Chunk, Document

_WHOLE = 1.25
_GRAINS = 8


class StructureChunker:
    """Packs whole blocks of a section into chunks: the cheapest segmentation of all (see `pack`)."""

    def __init__(self, tokenizer: Tokenizer, shape: Shape) -> None:
        self._tokenizer = tokenizer
        self._shape = shape

    def chunk(self, document: Document) -> list[Chunk]:
        """In order; every non-blank character is in a chunk."""
        if not document.text.strip():
            return []
        fitter = Fitter(document, self._tokenizer, self._shape)
        shape, weights = self._shape, fitter.weights
        target = shape.target - shape.repeated
        room = shape.max_tokens - shape.longest_context - shape.repeated
        whole = max(min(int(target * _WHOLE), room), 1)
        pieces = atoms(document.text, fitter.outline, weights, whole, target // _GRAINS)
        packed = pack(pieces, weights, Sizes(target, fitter.rooms(pieces)))
        return fitter.chunks((pieces[first].start, pieces[last - 1].end) for first, last in packed)
