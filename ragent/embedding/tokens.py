"""Counting tokens as a model counts them, and cutting a text where a token ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from tokenizers import Tokenizer as RustTokenizer

from ragent.protocols import Tokenizer, Vectors

_STRETCH = 100_000


class FastTokenizer:
    """`ragent.protocols.Tokenizer` over a `tokenizers` tokenizer, with its truncation and padding off."""

    def __init__(self, definition: str) -> None:
        """Take the contents of a `tokenizer.json`."""
        self._tokenizer = RustTokenizer.from_str(definition)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    @property
    def special_tokens(self) -> int:
        """How many tokens the model adds around every text, such as [CLS] and [SEP]."""
        return self._tokenizer.num_special_tokens_to_add(is_pair=False)

    @property
    def tokens_before(self) -> int:
        """How many of the special tokens stand before the text."""
        mask: list[int] = self._tokenizer.encode("a").special_tokens_mask
        return mask.index(0)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The model's input for each text, special tokens included; nothing is cut."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text, special tokens excluded; nothing is cut."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of each token of the whole text, in order; nothing is cut.

        A long text is read in stretches that end at a blank: at once, it would take a hundred times its size.
        """
        spans: list[tuple[int, int]] = []
        start = 0
        while start < len(text):
            end = stretch_end(text, start, _STRETCH)
            encoding = self._tokenizer.encode(text[start:end], add_special_tokens=False)
            spans += [(first + start, last + start) for first, last in encoding.offsets]
            start = end
        return spans


def stretch_end(text: str, start: int, most: int) -> int:
    """Where a stretch of at most so many characters ends: behind a blank where there is one."""
    end = start + most
    if end >= len(text):
        return len(text)
    blank = max(text.rfind(blank, start, end) for blank in " \n")
    return blank + 1 if blank > start else end


def refuse_long(counts: Sequence[int], limit: int) -> None:
    """Raise ValueError, naming the first text of more than `limit` tokens, if there is one."""
    for index, count in enumerate(counts):
        if count > limit:
            raise ValueError(f"text {index} has {count} tokens; this embedder reads at most {limit}")


def embed_in_windows(
    texts: Sequence[str], tokenizer: Tokenizer, limit: int, embed: Callable[[list[str]], Vectors]
) -> Vectors:
    """Embed texts of any length: a long text gets the normalised mean of its windows' vectors."""
    windows = [list(split_windows(text, tokenizer, limit)) for text in texts]
    vectors = embed([window for group in windows for window in group])
    if len(vectors) == len(texts):
        return vectors
    starts = np.cumsum([0] + [len(group) for group in windows[:-1]])
    sums: Vectors = np.add.reduceat(vectors, starts, axis=0)
    means: Vectors = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return means


def split_windows(text: str, tokenizer: Tokenizer, limit: int) -> Iterator[str]:
    """Cut a text into consecutive pieces of at most `limit` tokens each; a short text is one piece.

    Pieces are counted anew after each cut, because a word cut in two may need more tokens than before.
    """
    while len(spans := tokenizer.offsets(text)) > limit:
        size = limit
        while size > 1 and tokenizer.count([text[: spans[size - 1][1]]])[0] > limit:
            size -= 1
        end = max(1, spans[size - 1][1])
        yield text[:end]
        text = text[end:]
    yield text
