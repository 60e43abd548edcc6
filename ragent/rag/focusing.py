"""Shortens passages to the sentences that matter for a question.

On a CPU the prompt is what a user waits for, and a small model is led astray by what it needn't have read.
`evals/benchmarks/answers.py` measures both: tokens read, and the F1 of the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragent.protocols import Tokenizer
from ragent.rag.citing import Quote, Sources
from ragent.types import Hit

_ELLIPSIS = " … "


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What a prompt holds of a hit, and what of its text it doesn't."""

    hit: Hit
    text: str
    left_out: str


def whole(hits: Sequence[Hit]) -> list[Excerpt]:
    """The hits as they are."""
    return [Excerpt(hit, hit.text, "") for hit in hits]


def focus(sources: Sources, hits: Sequence[Hit], tokenizer: Tokenizer, budget: int) -> list[Excerpt]:
    """An excerpt for each hit, in order: its most apt sentences, all hits together within `budget` tokens.

    The most apt sentence is taken even where it alone is longer. Tokens are counted by the embedder's
    tokenizer: this bounds the work, while what fits the model is counted with the model's own.
    """
    lengths = tokenizer.count([quote.text for quote in sources.sentences])
    chosen: set[int] = set()
    spent = 0
    for index in sorted(range(len(lengths)), key=sources.aptness.__getitem__, reverse=True):
        if not chosen or spent + lengths[index] <= budget:
            chosen.add(index)
            spent += lengths[index]
    kept = [sources.sentences[index] for index in sorted(chosen)]
    return [_excerpt(hit, [quote for quote in kept if quote.hit is hit]) for hit in hits]


def _excerpt(hit: Hit, kept: Sequence[Quote]) -> Excerpt:
    text, left_out, end = "", [], 0
    for quote in kept:
        gap = hit.text[end : quote.start]
        if gap.strip():
            left_out.append(gap.strip())
            text += _ELLIPSIS if text else ""
        else:
            text += gap
        text += quote.text
        end = quote.end
    if rest := hit.text[end:].strip():
        left_out.append(rest)
    return Excerpt(hit, text, "\n".join(left_out))
