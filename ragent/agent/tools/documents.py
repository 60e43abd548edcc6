"""Opens a document at a span or a page."""

from __future__ import annotations

from collections.abc import Sequence

from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext
from ragent.errors import ToolError
from ragent.rag import Rag
from ragent.store import Passage
from ragent.types import Tool

Pages = Sequence[tuple[int, int, int]]


def open_open_document(context: ToolContext) -> Tool:
    """The tool `open_document`. Raises ConfigError without documents."""
    rag = context.require_rag("open_document")
    limit = context.settings.result_chars

    @tool(pure=True, tainted=True)
    def open_document(document: str, start: int = 0, page: int | None = None) -> str:
        """Read a document of the collection, from a character or a page on.

        A long document is shown in parts: the answer says at which character to go on.

        Args:
            document: its uri, as search shows it, or its number.
            start: the character to begin at, from 0: to see what precedes a passage, begin before it.
            page: the page to begin at, from 1, instead.
        """
        found = _find(rag, document.strip())
        text = rag.store.document_text(found.document_id) or ""
        pages = rag.store.document_pages(found.document_id)
        first = start if page is None else _start_of(page, pages)
        if not 0 <= first < max(1, len(text)):
            raise ToolError(f"the document has characters 0 to {len(text)}")
        end = min(first + limit, len(text))
        more = f"\n[go on with start={end}]" if end < len(text) else "\n[the document ends here]"
        title = f" ({found.title})" if found.title else ""
        head = f"{found.uri}{title}, characters {first} to {end} of {len(text)}"
        return f"{head}{_told_pages(first, end, pages)}:\n{text[first:end]}{more}"

    return open_document


def _find(rag: Rag, name: str) -> Passage:
    """The first passage of a document of the collection, by uri or id. Raises ToolError."""
    ids = [id_ for id_, _ in rag.store.find_documents(name)]
    if name.isascii() and name.isdigit() and len(name) < 19:
        ids.append(int(name))
    for id_ in ids:
        chunks = rag.store.chunks_of([id_])[:1]
        # Of another collection, there is none.
        for passage in rag.store.passages(rag.collection.id, chunks).values():
            return passage
    raise ToolError(f"there is no document {name[:200]!r}", hint="give a uri as search shows it")


def _start_of(page: int, pages: Pages) -> int:
    for number, start, _ in pages:
        if number == page:
            return start
    known = f"pages {pages[0][0]} to {pages[-1][0]}" if pages else "no pages"
    raise ToolError(f"the document has {known}", hint="" if pages else "give start instead")


def _told_pages(start: int, end: int, pages: Pages) -> str:
    numbers = [number for number, first, last in pages if first < end and last > start]
    if not numbers:
        return ""
    return f", page {numbers[0]}" if len(numbers) == 1 else f", pages {numbers[0]} to {numbers[-1]}"
