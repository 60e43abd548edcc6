"""A question and sentences read word by word, by the embedder's token vectors where it offers such."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragent.protocols import Embedder, TokenEmbedder, Vectors
from ragent.rag.asked import Asked, asked
from ragent.rag.spans import Meaning, Word, split_words


class Reading:
    """One question, with the words of sentences in the light of their neighbours. Sentences are read once."""

    def __init__(self, question: str, embedder: Embedder) -> None:
        self.question = question
        self.asked: Asked = asked(question)
        self.words: list[Word] = split_words(question)
        self._embedder = embedder
        self._known: dict[str, Vectors | None] = {}

    def read(self, sentences: Sequence[str]) -> None:
        """Make ready what `meaning` and `alignment` need of these sentences, in one go."""
        new = [text for text in dict.fromkeys((self.question, *sentences)) if text not in self._known]
        lengths = self._embedder.tokenizer.count(new)
        short = [
            text for text, length in zip(new, lengths, strict=True) if length <= self._embedder.max_tokens
        ]
        self._known |= dict.fromkeys(new)
        if isinstance(self._embedder, TokenEmbedder) and short:
            self._known |= zip(short, self._embedder.embed_tokens(short), strict=True)

    def meaning(self, sentence: str, words: Sequence[Word]) -> Meaning | None:
        """The vectors of a sentence's words beside those of the question, or None where there are none."""
        self.read([sentence])
        of_question, of_sentence = self._known[self.question], self._known[sentence]
        if of_question is None or of_sentence is None or not len(of_question) or not words:
            return None
        mean = _unit(of_question.mean(axis=0))
        spans = [self.asked.word, self.asked.matter or self.asked.word]
        word, matter = (
            mean if span is None else _unit(self._pool(self.question, of_question, [span])[0])
            for span in spans
        )
        places = [(word.start, word.end) for word in words]
        return Meaning(mean, word, matter, self._pool(sentence, of_sentence, places))

    def alignment(self, sentence: str, words: Sequence[Word]) -> float | None:
        """How near the question's content words have a counterpart in the sentence: the mean best cosine.

        This is the recall of BERTScore (Zhang et al. 2020, arXiv:1904.09675), over whole words.
        """
        content = [(word.start, word.end) for word in self.words if word.stems]
        meaning = self.meaning(sentence, words)
        vectors = self._known[self.question]
        if not content or meaning is None or vectors is None:
            return None
        asked_for = _units(self._pool(self.question, vectors, content))
        return float((asked_for @ _units(meaning.words).T).max(axis=1).mean())

    def _pool(self, text: str, vectors: Vectors, spans: Sequence[tuple[int, int]]) -> Vectors:
        """The mean vector of the tokens that each span touches, shape (spans, dimension)."""
        offsets = np.array(self._embedder.tokenizer.offsets(text)).reshape(-1, 2)
        rows = [vectors[(offsets[:, 0] < end) & (offsets[:, 1] > start)] for start, end in spans]
        return np.stack(
            [row.mean(axis=0) if len(row) else np.zeros(vectors.shape[1], np.float32) for row in rows]
        )


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector / np.float32(np.linalg.norm(vector) + 1e-6)


def _units(vectors: Vectors) -> Vectors:
    units: Vectors = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-6)
    return units
