"""Plain text: paragraphs between blank lines."""

from __future__ import annotations

from ragent.errors import ParseError
from ragent.types import Block, Document, RawDocument
from ragent_connectors.parsers.decoding import decode, is_binary
from ragent_connectors.parsers.lines import blank_after, split_lines
from ragent_connectors.parsers.titles import choose_title

# Formats that are written in text but are no text to read.
_FOREIGN = {b"%!PS": "PostScript"}


class TextParser:
    """Takes whatever is text and nothing more specific. The document's text is the file's."""

    def accepts(self, raw: RawDocument) -> float:
        return 0.0 if is_binary(raw.data) else 0.3

    def parse(self, raw: RawDocument) -> Document:
        for magic, name in _FOREIGN.items():
            if raw.data.startswith(magic):
                raise ParseError(f"{raw.name} is {name}", hint="save it as DOCX, PDF or text")
        text = decode(raw)
        lines, blocks, index = split_lines(text), [], 0
        while index < len(lines):
            end = blank_after(lines, index)
            if end > index:
                blocks.append(Block("paragraph", lines[index].start, lines[end - 1].end))
            index = end + 1
        return Document(
            uri=raw.uri,
            title=choose_title(raw, ()),
            text=text,
            media_type="text/plain",
            blocks=tuple(blocks),
        )
