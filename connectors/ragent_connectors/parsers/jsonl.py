"""JSON Lines and NDJSON: a value a line. The text is the file's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from ragent.types import Block, Document, RawDocument
from ragent_connectors.parsers.decoding import decode, is_binary, unicode_encoding
from ragent_connectors.parsers.json import unescaped
from ragent_connectors.parsers.lines import Line, split_lines
from ragent_connectors.parsers.titles import choose_title

_HEAD = 1_000_000
_SAMPLE = 5
_GROUP_CHARS = 800


class JsonLinesParser:
    """Takes files of two or more lines that are objects or arrays each."""

    def accepts(self, raw: RawDocument) -> float:
        if raw.data[:256].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] not in (b"{", b"[") or is_binary(
            raw.data
        ):
            return 0.0
        head = (
            raw.data[:_HEAD].decode(unicode_encoding(raw.data) or "utf-8", "replace").removeprefix("\ufeff")
        )
        lines = [line for line in islice(head.split("\n"), 10 * _SAMPLE) if line.strip()][:_SAMPLE]
        if len(raw.data) > _HEAD and len(lines) < _SAMPLE:
            lines = lines[:-1]  # the last may have been cut
        return 0.6 if len(lines) > 1 and all(map(_is_record, lines)) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        text = unescaped(decode(raw))
        return Document(
            uri=raw.uri,
            title=choose_title(raw, ()),
            text=text,
            media_type="application/x-ndjson",
            blocks=tuple(_blocks(split_lines(text))),
        )


def _blocks(lines: list[Line]) -> Iterator[Block]:
    """Neighbouring lines together, as many as make a block of moderate size."""
    group: list[tuple[int, Line]] = []
    for number, line in enumerate(lines, 1):
        if group and (not line.text or line.end - group[0][1].start > _GROUP_CHARS):
            yield _block(group)
            group = []
        if line.text:
            group.append((number, line))
    if group:
        yield _block(group)


def _block(group: list[tuple[int, Line]]) -> Block:
    (first, begin), (last, end) = group[0], group[-1]
    label = f"line {first}" if first == last else f"lines {first}–{last}"
    return Block("code", begin.start, end.end, label=label)


def _is_record(line: str) -> bool:
    try:
        return isinstance(json.loads(line), (dict, list))
    except (ValueError, RecursionError):
        return False
