"""Jupyter notebooks (nbformat 3 and 4): prose, code, and what it printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.decoding import clean, decode, is_binary
from ragent_connectors.parsers.markdown import MarkdownParser
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

_MARKS = (b'"cells"', b'"worksheets"')
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LONGEST_OUTPUT = 1000


class NotebookParser:
    """Takes JSON objects with `nbformat` and cells."""

    def accepts(self, raw: RawDocument) -> float:
        data = raw.data
        if b'"nbformat"' not in data or not any(mark in data for mark in _MARKS) or is_binary(data):
            return 0.0
        try:
            return 0.95 if list(_cells(_loaded(raw))) else 0.0
        except ParseError:
            return 0.0

    def parse(self, raw: RawDocument) -> Document:
        notebook = _loaded(raw)
        writer = TextWriter()
        for number, cell in enumerate(_cells(notebook), 1):
            _write(writer, raw, cell, f"cell {number}")
        if not writer.text:
            raise ParseError(f"{raw.name} holds no text", hint="all its cells are empty")
        metadata = notebook.get("metadata")
        title = metadata.get("title") if isinstance(metadata, dict) else None
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (title if isinstance(title, str) else None, writer.first_heading())),
            text=writer.text,
            media_type="application/x-ipynb+json",
            blocks=writer.blocks,
        )


def _write(writer: TextWriter, raw: RawDocument, cell: dict[str, Any], label: str) -> None:
    source = _text(cell.get("source", cell.get("input")))
    kind = cell.get("cell_type")
    if kind == "markdown" and source.strip():
        page = MarkdownParser().parse(RawDocument(raw.uri, raw.name, source.encode("utf-8", "replace")))
        for block in page.blocks:
            text = page.text[block.start : block.end]
            # An underlined heading becomes one line, so that it reads as a title.
            heading = text.split("\n")[0].strip("# ") if block.kind == "heading" else text
            writer.add(block.kind, heading, block.level, label if block.kind != "heading" else "")
    elif kind == "heading":
        writer.add("heading", source, int(cell.get("level") or 1))
    else:
        writer.add("code" if kind == "code" else "paragraph", source, label=label)
        for output in cell.get("outputs") or ():
            if isinstance(output, dict):
                writer.add("code", _printed(output), label=f"{label}, output")


def _printed(output: dict[str, Any]) -> str:
    """What a cell printed or gave back as plain text; of an error, its message; only the beginning."""
    if output.get("output_type") in ("error", "pyerr"):
        text = f"{output.get('ename', 'Error')}: {output.get('evalue', '')}"
    else:
        data = output.get("data")
        text = _text(data.get("text/plain") if isinstance(data, dict) else output.get("text"))
    return text if len(text) <= _LONGEST_OUTPUT else text[:_LONGEST_OUTPUT].rstrip() + " …"


def _cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those of the notebook, or of its worksheets before nbformat 4."""
    sheets = notebook.get("worksheets") or ()
    for holder in (notebook, *(sheets if isinstance(sheets, list) else ())):
        cells = holder.get("cells") if isinstance(holder, dict) else None
        for cell in cells if isinstance(cells, list) else ():
            if isinstance(cell, dict):
                yield cell


def _text(source: object) -> str:
    """A string, or the lines of one, without the colours of a terminal."""
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return clean(_ANSI.sub("", source)) if isinstance(source, str) else ""


def _loaded(raw: RawDocument) -> dict[str, Any]:
    try:
        notebook = json.loads(decode(raw))
    except (ValueError, RecursionError) as error:
        raise ParseError(f"{raw.name} is a damaged notebook: {error}", hint="get a whole copy") from error
    if not isinstance(notebook, dict):
        raise ParseError(f"{raw.name} is no notebook", hint="it is JSON of another kind")
    return notebook
