"""RTF (Rich Text Format, specification 1.9.1)."""

from __future__ import annotations

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.rtf_reader import RtfReader
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

_MAGIC = b"{\\rtf"


class RtfParser:
    r"""Takes what begins with `{\rtf`."""

    def accepts(self, raw: RawDocument) -> float:
        return 1.0 if raw.data[:256].lstrip().startswith(_MAGIC) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        writer = TextWriter()
        reader = RtfReader(writer)
        reader.read(raw.data.decode("latin-1"))
        if not writer.text:
            raise ParseError(f"{raw.name} holds no text", hint="if it holds pictures of text, run OCR on it")
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (reader.metadata.get("title"), writer.first_heading())),
            text=writer.text,
            media_type="application/rtf",
            blocks=writer.blocks,
            metadata=reader.metadata,
        )
