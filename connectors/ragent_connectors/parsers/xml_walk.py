"""From a tree of XML to blocks: records as lines `name: value`, prose as paragraphs, titles as headings."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ragent.types import RawDocument
from ragent_connectors.parsers.archives import local_name
from ragent_connectors.parsers.html import read_whole
from ragent_connectors.parsers.writer import TextWriter

if TYPE_CHECKING:
    from lxml.etree import _Element

TITLES = ("title", "head", "heading", "article-title")
# Elements of DocBook, JATS, TEI, DITA and XHTML that hold running text.
_PROSE = {
    "p",
    "para",
    "simpara",
    "formalpara",
    "ab",
    "quote",
    "blockquote",
    "note",
    "abstract",
    "text",
    "seg",
}
_SVG = "{http://www.w3.org/2000/svg}"
_MARKUP = re.compile(r"<(?:p|div|br|a|span|img|h[1-6]|ul|ol|li|table|b|i|em|strong)\b[^<>]*>", re.IGNORECASE)
_RECORD_CHARS = 800
_LONG_VALUE = 300
_LONGEST_ATTRIBUTE = 200
_LONGEST_PATH = 120


class XmlWalker:
    """Writes everything under a root. Depth is bounded by the parser, so recursion is safe."""

    def __init__(self, writer: TextWriter) -> None:
        self._writer = writer

    def walk(self, root: _Element) -> None:
        """Write the tree, a drawing's without its scripts and styles."""
        for unseen in list(root.iter(_SVG + "script", _SVG + "style")):
            if (parent := unseen.getparent()) is not None:
                parent.remove(unseen)
        self._element(root, local_name(root), 1)

    def _element(self, element: _Element, path: str, depth: int) -> None:
        if _is_prose(element):
            self._writer.add("paragraph", _words(element), label=_shown(path))
        elif (record := _record(element)) is not None:
            self._writer.add("list", "\n".join(record), label=_shown(path))
        else:
            self._parts(element, path, depth)

    def _parts(self, element: _Element, path: str, depth: int) -> None:
        """The title, then what the element says of itself, then its children in order."""
        children = [child for child in element if local_name(child)]
        title = next((c for c in children if local_name(c) in TITLES and _words(c)), None)
        if title is not None:
            self._writer.add("heading", _words(title), min(depth, 9))
        twins = Counter(map(local_name, children))
        seen: Counter[str] = Counter()
        fields = [f"{name}: {value}" for name, value in _attributes(element)]
        for child in children:
            name = local_name(child)
            seen[name] += 1
            if child is title:
                continue
            if _is_field(child):
                fields.append(_line(child))
                continue
            self._fields(fields, path)
            place = f"{path}/{name}[{seen[name]}]" if twins[name] > 1 else f"{path}/{name}"
            if len(child) or _is_prose(child):
                self._element(child, place, depth + 1)
            else:
                self._long_value(child, place, depth)
        self._fields(fields, path)

    def _fields(self, fields: list[str], path: str) -> None:
        self._writer.add("list", "\n".join(filter(None, fields)), label=_shown(path))
        fields.clear()

    def _long_value(self, element: _Element, path: str, depth: int) -> None:
        """A value that is a text of its own, perhaps a page in HTML."""
        text = element.text or ""
        if not _MARKUP.search(text):
            self._writer.add("paragraph", text, label=_shown(path))
            return
        page = read_whole(RawDocument(path, path, text.encode("utf-8", "replace")))
        for block in page.blocks:
            level = min(block.level + depth, 9) if block.level else 0
            self._writer.add(block.kind, page.text[block.start : block.end], level, _shown(path))


def _is_prose(element: _Element) -> bool:
    """Text between or around its children, or a name that tells of it."""
    if local_name(element) in _PROSE and (not len(element) or _has_own_text(element)):
        return bool(_words(element))
    return len(element) > 0 and _has_own_text(element)


def _has_own_text(element: _Element) -> bool:
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def _is_field(element: _Element) -> bool:
    """A short value: `name: value` says it."""
    if len(element) or local_name(element) in _PROSE:
        return False
    text = element.text or ""
    return len(text) <= _LONG_VALUE and not _MARKUP.search(text)


def _record(element: _Element) -> list[str] | None:
    """All of a small tree of values as lines; None if it is large, or holds prose or a title."""
    lines: list[str] = []
    size = 0
    for line in _flat(element, ""):
        if line is None:
            return None
        if line:
            lines.append(line)
        size += max(len(line), 8)
        if size > _RECORD_CHARS:
            return None
    return lines


def _flat(element: _Element, prefix: str) -> Iterator[str | None]:
    """Lines of the values under an element; None at what is no value."""
    if not prefix or len(element):
        for name, value in _attributes(element):
            yield f"{prefix}{name}: {value}"
    if not prefix and not len(element):
        yield (element.text or "").strip() if _is_field(element) else None
    twins = Counter(map(local_name, element[:_RECORD_CHARS]))
    seen: Counter[str] = Counter()
    for child in element:
        name = local_name(child)
        seen[name] += 1
        if not name:
            continue
        if name in TITLES or _is_prose(child):
            yield None
        elif len(child):
            yield from _flat(child, f"{prefix}{name}{f'[{seen[name]}]' if twins[name] > 1 else ''}/")
        else:
            yield _line(child, prefix) if _is_field(child) else None


def _line(element: _Element, prefix: str = "") -> str:
    """`name (attribute=value): text`; "" for what says nothing."""
    text = " ".join(html.unescape(element.text or "").split())
    said = ", ".join(f"{name}={value}" for name, value in _attributes(element))
    if not text and not said:
        return ""
    return f"{prefix}{local_name(element)}{f' ({said})' if said else ''}{f': {text}' if text else ''}"


def _attributes(element: _Element) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        if not name.startswith("{") and value.strip() and len(value) <= _LONGEST_ATTRIBUTE:
            yield name, " ".join(value.split())


def _words(element: _Element) -> str:
    return " ".join(html.unescape("".join(map(str, element.itertext()))).split())


def _shown(path: str) -> str:
    return path if len(path) <= _LONGEST_PATH else "…" + path[-_LONGEST_PATH:]
