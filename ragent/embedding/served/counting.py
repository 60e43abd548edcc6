"""Counting tokens as a served model counts them: by its tokenizer's file, or by asking its server."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from threading import Lock

from ragent.embedding.served.aligning import Spans
from ragent.embedding.tokens import FastTokenizer, stretch_end
from ragent.errors import ConfigError

_REMEMBERED = 4096
_STRETCH = 20_000
_CHARACTERS_A_REQUEST = 100_000

Ask = Callable[[Sequence[str]], list[Spans]]


class ServedTokenizer:
    """`ragent.protocols.Tokenizer` that asks a server, and remembers what it was told of short texts."""

    def __init__(self, ask: Ask) -> None:
        """Take what asks the server for the tokens of a few texts."""
        self._ask = ask
        self._known: OrderedDict[str, Spans] = OrderedDict()
        self._lock = Lock()

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of each token of the whole text, in order; a long text is asked for in stretches."""
        starts = [0]
        while starts[-1] < len(text):
            starts.append(stretch_end(text, starts[-1], _STRETCH))
        parts = [text[first:last] for first, last in pairwise(starts)]
        found = zip(starts, self._spans(parts), strict=False)
        return [(start + first, start + last) for start, spans in found for first, last in spans]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text; nothing is cut."""
        if any(len(text) > _STRETCH for text in texts):
            return [len(self.offsets(text)) for text in texts]
        return [len(spans) for spans in self._spans(texts)]

    def __reduce__(self) -> tuple[type[ServedTokenizer], tuple[Ask]]:
        return ServedTokenizer, (self._ask,)

    def _spans(self, texts: Sequence[str]) -> list[Spans]:
        with self._lock:
            spans = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in dict.fromkeys(texts) if text and text not in spans]
        for group in grouped(new, math.inf, _CHARACTERS_A_REQUEST, len):
            spans |= dict(zip(group, self._ask(group), strict=True))
        with self._lock:
            self._known |= {text: spans[text] for text in new}
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return [spans.get(text, []) for text in texts]


def read_tokenizer(path: str) -> FastTokenizer:
    """The tokenizer of a `tokenizer.json`, or of the one in a folder. Raises ConfigError."""
    file = Path(path).expanduser()
    file = file / "tokenizer.json" if file.is_dir() else file
    try:
        return FastTokenizer(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"can't read [embedder] tokenizer: {file}: {error.strerror}") from error
    except Exception as error:  # the tokenizers package raises nothing more special
        raise ConfigError(f"[embedder] tokenizer is no tokenizer.json: {file}: {error}") from error


def grouped(
    texts: Sequence[str], most: float, most_weight: int, weigh: Callable[[str], int]
) -> list[list[str]]:
    """Consecutive texts in groups of at most so many, of at most so much weight, unless one has it alone."""
    groups: list[list[str]] = []
    weight = 0
    for text in texts:
        own = weigh(text)
        if not groups or len(groups[-1]) >= most or weight + own > most_weight:
            groups.append([])
            weight = 0
        groups[-1].append(text)
        weight += own
    return groups
