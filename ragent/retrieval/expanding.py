"""Small passages are found best, large ones read best: widens what was found by what stands around it.

This is what others call sentence windows (a few sentences on each side) and parent documents (so many tokens
in all). Here it is done at search time, from the document's text, so it needs no second set of passages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from ragent.chunking import split_sentences
from ragent.protocols import Tokenizer
from ragent.store import Store
from ragent.types import Hit

_CHARS_PER_TOKEN = 8


@dataclass(frozen=True, slots=True)
class Reach:
    """How far to widen. `tokens`: of the whole passage, about; `sentences`: at most, on each side."""

    tokens: int
    sentences: int | None = None


def expand(store: Store, hits: Sequence[Hit], tokenizer: Tokenizer, reach: Reach) -> tuple[Hit, ...]:
    """The hits with the whole sentences around them, as many as `reach` allows, from both sides in turn.

    Hits that then overlap become one, in the place of the better; ranks are counted anew. As ever,
    `document.text[start:end] == text`. A hit whose document changed meanwhile stays as it is.
    """
    widened: list[Hit] = []
    texts: dict[int, str] = {}
    for hit in hits:
        if hit.document_id not in texts:
            texts[hit.document_id] = store.document_text(hit.document_id) or ""
        text = texts[hit.document_id]
        if _holds(hit, text):
            _add(widened, _between(hit, text, *_widened(hit, text, tokenizer, reach)), text)
        else:
            widened.append(hit)
    pages = {document: store.document_pages(document) for document in texts}
    return tuple(
        replace(hit, rank=rank, page=_page(hit, pages[hit.document_id]))
        for rank, hit in enumerate(widened, 1)
    )


def _widened(hit: Hit, text: str, tokenizer: Tokenizer, reach: Reach) -> tuple[int, int]:
    start, end = hit.start, hit.end
    (spent,) = tokenizer.count([hit.text])
    sides = [
        _counted(islice(spans, reach.sentences), text, tokenizer)
        for spans in (_before(text, start, reach), _after(text, end, reach))
    ]
    turn = 0
    while any(sides):
        side = sides[turn]
        if side:
            first, last, tokens = side.pop(0)
            if spent + tokens <= reach.tokens:
                spent += tokens
                start, end = min(start, first), max(end, last)
            else:
                side.clear()
        turn = 1 - turn
    return start, end


def _counted(spans: Iterator[tuple[int, int]], text: str, tokenizer: Tokenizer) -> list[tuple[int, int, int]]:
    found = list(spans)
    counts = tokenizer.count([text[first:last] for first, last in found])
    return [(first, last, tokens) for (first, last), tokens in zip(found, counts, strict=True)]


def _before(text: str, start: int, reach: Reach) -> Iterator[tuple[int, int]]:
    """Sentences before a passage, the nearest first."""
    floor = max(0, start - _CHARS_PER_TOKEN * reach.tokens)
    spans = split_sentences(text[floor:start])
    # What the floor cuts in two is no sentence.
    for first, last in reversed(spans[1:] if floor else spans):
        yield floor + first, floor + last


def _after(text: str, end: int, reach: Reach) -> Iterator[tuple[int, int]]:
    """Sentences after a passage, the nearest first."""
    ceiling = min(len(text), end + _CHARS_PER_TOKEN * reach.tokens)
    spans = split_sentences(text[end:ceiling])
    for first, last in spans[:-1] if ceiling < len(text) else spans:
        yield end + first, end + last


def _add(hits: list[Hit], hit: Hit, text: str) -> None:
    """Append a hit, or let it become one with those that it overlaps."""
    same = [
        other
        for other in hits
        if other.document_id == hit.document_id and other.start < hit.end and hit.start < other.end
        if _holds(other, text)
    ]
    if not same:
        hits.append(hit)
        return
    start = min(hit.start, *(other.start for other in same))
    end = max(hit.end, *(other.end for other in same))
    hits[hits.index(same[0])] = _between(same[0], text, start, end)
    for other in same[1:]:
        hits.remove(other)


def _holds(hit: Hit, text: str) -> bool:
    return text[hit.start : hit.end] == hit.text


def _between(hit: Hit, text: str, start: int, end: int) -> Hit:
    return replace(hit, start=start, end=end, text=text[start:end])


def _page(hit: Hit, pages: Sequence[tuple[int, int, int]]) -> int | None:
    return next((number for number, first, last in pages if first <= hit.start < last), hit.page)
