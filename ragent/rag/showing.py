"""Tells a language model where passages stand, and what they say."""

from __future__ import annotations

from collections.abc import Sequence

from ragent.types import Answer, Citation, Hit


def place(uri: str, page: int | None, start: int, end: int) -> str:
    """Where a span stands, as `file:///a.pdf, page 3, characters 120 to 480`."""
    at_page = "" if page is None else f", page {page}"
    return f"{uri}{at_page}, characters {start} to {end}"


def unwrapped(text: str) -> str:
    """A quote without its line breaks, those between the rows of a table excepted."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    is_table = len(lines) > 1 and all(line.count("|") > 1 for line in lines)
    return "\n".join(lines) if is_table else " ".join(" ".join(lines).split())


def show_hits(hits: Sequence[Hit], limit: int) -> str:
    """Passages, numbered, with where they stand; as many as `limit` characters hold, at least one.

    Those that are left out, or cut, are told of.
    """
    shown: list[str] = []
    left = limit
    for hit in hits:
        head = f"[{hit.rank}] {place(hit.uri, hit.page, hit.start, hit.end)}"
        titled = f"{head}\n{hit.title}" if hit.title and hit.title not in hit.uri else head
        entry = f"{titled}\n{hit.text}"
        if len(entry) > left:
            if not shown:
                shown.append(f"{entry[:left]}\n[this passage goes on]")
            break
        shown.append(entry)
        left -= len(entry)
    if len(hits) > len(shown):
        shown.append(f"[{len(hits) - len(shown)} more passages were found]")
    return "\n\n".join(shown)


def show_answer(answer: Answer, limit: int) -> str:
    """An answer with the quotes it rests on; where there is none, the passages that were found."""
    if answer.abstained:
        found = show_hits(answer.hits, limit) if answer.hits else "nothing was found"
        return f"The documents give no sure answer. What was found:\n\n{found}"
    quotes = "\n".join(_cited(citation) for citation in answer.citations)
    return f"{answer.text}\n\nQuoted from:\n{quotes}"


def _cited(citation: Citation) -> str:
    where = place(citation.uri, citation.page, citation.start, citation.end)
    return f"[{citation.marker}] {where}: {citation.quote}"
