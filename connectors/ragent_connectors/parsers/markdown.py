"""Markdown (CommonMark with tables). The text is the file's own, so citations open at the right place."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from ragent.errors import ParseError
from ragent.types import Block, BlockKind, Document, RawDocument
from ragent_connectors.parsers.decoding import decode, is_binary
from ragent_connectors.parsers.front_matter import read_front_matter
from ragent_connectors.parsers.lines import Line, split_lines
from ragent_connectors.parsers.titles import choose_title

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".mdx")
_KINDS: dict[str, BlockKind] = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "html_block": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
    "blockquote_open": "quote",
}
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")


class MarkdownParser:
    """Files named like Markdown. YAML front matter becomes metadata and is blanked out of the text."""

    def accepts(self, raw: RawDocument) -> float:
        return 0.6 if raw.name.lower().endswith(_SUFFIXES) and not is_binary(raw.data) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        text, metadata = _without_front_matter(decode(raw))
        if not text.strip():
            raise ParseError(f"{raw.name} is empty", hint="it holds nothing but front matter")
        lines = split_lines(text)
        blocks = tuple(
            block for token in _parser().parse(text) if (block := _block(token, lines)) is not None
        )
        headings = (_heading_text(text[b.start : b.end]) for b in blocks if b.kind == "heading")
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (_title(metadata), next(headings, None))),
            text=text,
            media_type="text/markdown",
            blocks=blocks,
            metadata=metadata,
        )


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])  # only the block structure is needed
    return parser


def _block(token: Token, lines: list[Line]) -> Block | None:
    kind = _KINDS.get(token.type)
    if kind is None or token.level or token.map is None:
        return None
    first, last = token.map[0], token.map[1] - 1
    while last > first and not lines[last].text:
        last -= 1
    while first < last and not lines[first].text:
        first += 1
    level = int(token.tag[1:]) if kind == "heading" else 0
    start, end = lines[first].start, lines[last].end
    return Block(kind, start, end, level) if end > start else None


def _without_front_matter(text: str) -> tuple[str, dict[str, Any]]:
    """The text with its front matter overwritten by blanks (offsets stay those of the file), and its keys."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return text, {}
    metadata: dict[str, Any] = dict(read_front_matter(match[1]))
    if not metadata:
        return text, {}
    blank = "".join("\n" if character == "\n" else " " for character in match[0])
    return blank + text[match.end() :], metadata


def _title(metadata: dict[str, Any]) -> str | None:
    title = metadata.get("title")
    return None if title is None else str(title)


def _heading_text(source: str) -> str:
    """`## A *title* ##` or its underlined form, as plain words."""
    first = source.split("\n")[0].strip().lstrip("#").rstrip("# ")
    return _LINK.sub(r"\1", first).replace("`", "").replace("*", "").strip()
