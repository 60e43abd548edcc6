"""Semantic chunking: parts where the embeddings of neighbouring sentences part.

After Kamradt's "semantic chunking" (2023), with windows on both sides of a seam as in TextTiling (Hearst
1997): each sentence is embedded once, and the mean of the three before a seam is compared with that of the
three after it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ragent.chunking.by_sentence import short_sentences
from ragent.chunking.fitting import Fitter, Shape
from ragent.chunking.spans import Span
from ragent.errors import ConfigError
from ragent.protocols import Embedder, Vectors
from ragent.types import Chunk, Document

_WINDOW = 3
_SMALL = 4


class SemanticChunker:
    """Parts a document at its largest changes of subject, and further wherever a chunk is over the target.

    Args:
        embedder: Reads every sentence once, so ingestion takes about twice as long.
        shape: As for every chunker.
        percentile: Of the distances at all seams of a document: those above it part. Lower: smaller chunks.

    Raises:
        ConfigError: `percentile` isn't between 0 and 100.
    """

    def __init__(self, embedder: Embedder, shape: Shape, *, percentile: float = 75.0) -> None:
        if not 0 <= percentile <= 100:
            raise ConfigError(f"percentile is {percentile}", hint="it lies between 0 and 100")
        self._embedder = embedder
        self._shape = shape
        self._percentile = percentile

    def chunk(self, document: Document) -> list[Chunk]:
        """In order; every non-blank character is in a chunk."""
        text = document.text
        if not text.strip():
            return []
        fitter = Fitter(document, self._embedder.tokenizer, self._shape)
        size = fitter.size()
        sentences = list(short_sentences(text, fitter.weights, size))
        gaps = distances(self._embedder.embed_documents(self._readable(text, sentences)))
        begins = [fitter.weights.before(start) for start, _ in sentences]
        seams = _Seams(gaps, np.array([*begins, fitter.weights.before(len(text))]))
        cuts = seams.choose(self._percentile, size)
        return fitter.chunks((sentences[first][0], sentences[last - 1][1]) for first, last in pairwise(cuts))

    def _readable(self, text: str, sentences: Sequence[Span]) -> list[str]:
        """The sentences; of one that the embedder can't read whole, the beginning."""
        texts = [text[start:end] for start, end in sentences]
        counts = self._embedder.tokenizer.count(texts)
        for index, count in enumerate(counts):
            while count > self._embedder.max_tokens:
                texts[index] = texts[index][: len(texts[index]) // 2]
                count = self._embedder.tokenizer.count([texts[index]])[0]
        return texts


def distances(vectors: Vectors) -> NDArray[np.float64]:
    """Cosine distance at each seam between the means of the three vectors before and after it.

    Shape (n - 1,) for n unit vectors.
    """
    sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0, dtype=np.float64)])
    seams = np.arange(1, len(vectors))
    left = sums[seams] - sums[np.maximum(seams - _WINDOW, 0)]
    right = sums[np.minimum(seams + _WINDOW, len(vectors))] - sums[seams]
    norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    cosines: NDArray[np.float64] = np.einsum("nd,nd->n", left, right) / np.maximum(norms, 1e-12)
    return 1.0 - cosines


@dataclass(frozen=True, slots=True)
class _Seams:
    """The seams between sentences: how wide each is, and where it is by weight.

    Seam `i` lies before sentence `i`; `weight[i]` is that of all text before it. `width[i]` is that of seam
    `i + 1`: the ends of the text part anyway.
    """

    width: NDArray[np.float64]
    weight: NDArray[np.int64]

    def choose(self, percentile: float, size: int) -> list[int]:
        """The seams to part at, ascending, both ends included. The widest come first, as long as they leave a
        quarter of `size` on both sides; then what is still over `size` is parted at its widest.
        """
        cuts = [0, len(self.weight) - 1]
        if len(self.width):
            threshold = np.percentile(self.width, percentile)
            order = np.argsort(-self.width, kind="stable")
            for seam in (order[self.width[order] >= threshold] + 1).tolist():
                at = bisect_left(cuts, seam)
                if self._leaves(cuts[at - 1], seam, cuts[at]) >= size // _SMALL:
                    cuts.insert(at, seam)
        return sorted({*cuts, *self._further(cuts, size)})

    def _leaves(self, left: int, seam: int, right: int) -> int:
        return int(min(self.weight[seam] - self.weight[left], self.weight[right] - self.weight[seam]))

    def _further(self, cuts: list[int], size: int) -> Iterator[int]:
        pending = list(pairwise(cuts))
        while pending:
            left, right = pending.pop()
            if right - left < 2 or self.weight[right] - self.weight[left] <= size:
                continue
            seams = np.arange(left + 1, right)
            small = np.minimum(
                self.weight[seams] - self.weight[left], self.weight[right] - self.weight[seams]
            )
            # A seam that leaves too little is the last resort.
            seam = int(seams[np.argmax(self.width[seams - 1] - 2.0 * (small < size // _SMALL))])
            yield seam
            pending += [(left, seam), (seam, right)]
