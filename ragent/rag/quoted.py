"""The quoting style of `ask` for models that don't tell likelihoods, as most that are served by URL.

The model writes the quotes itself, but can write only what stands in the passages, and says what follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ragent.protocols import Constraint
from ragent.rag.citing import MIN_SUPPORT, Quote, Supported
from ragent.rag.terms import Weights, denies, numbers, terms
from ragent.types import Hit, Sampling


class Quoting:
    """One answer in quotes and statements, over some hits."""

    def __init__(self, hits: Sequence[Hit], sampling: Sampling) -> None:
        from ragent.structured.quoting import quote_format

        self._hits = hits
        self._format = quote_format([hit.text for hit in hits], penalty=sampling.repeat_penalty)
        self.sampling = replace(sampling, repeat_penalty=1.0)
        self.constraint: Constraint = self._format.constraint

    def read(self, text: str) -> list[Supported]:
        """The statements, each with its quote; where the quote doesn't say as much, its own words instead."""
        return list(self._read(text))

    def _read(self, text: str) -> Iterator[Supported]:
        weights = Weights([terms(hit.text) for hit in self._hits])
        for quoted in self._format.read(text):
            hit = self._hits[quoted.passage]
            words = hit.text[quoted.start : quoted.end]
            quote = Quote(hit, quoted.start, quoted.end, terms(words))
            wanted = terms(quoted.statement)
            holds = (
                bool(wanted)
                and weights.coverage(wanted, quote.terms) >= MIN_SUPPORT
                and numbers(wanted) <= quote.terms
                and denies(quoted.statement) == denies(words)
            )
            yield Supported(quoted.statement if holds else " ".join(words.split()), quote)
