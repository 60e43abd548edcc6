"""EPUB (EPUB 3.3, and 2): the chapters in their reading order, through the walker of HTML."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.archives import Package, local_name, part_names
from ragent_connectors.parsers.decoding import clean
from ragent_connectors.parsers.html import read_whole
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

if TYPE_CHECKING:
    from lxml.etree import _Element

_KIND = "EPUB"
_MIMETYPE = b"application/epub+zip"
_CONTAINER = "META-INF/container.xml"
# What XML may close at once, but HTML goes on reading: `<title/>` would swallow the page.
_CLOSED = re.compile(rb"<(title|script|style|iframe|noscript|textarea|a|div|span|p|i|b|em|td|th)\b([^<>]*)/>")
_PAGES = ("application/xhtml+xml", "text/html", "application/html+xml")
_META = {"title": "title", "creator": "author", "language": "lang", "publisher": "publisher", "date": "date"}


class EpubParser:
    """Takes ZIP files whose `mimetype` is EPUB's, or whose container names a package."""

    def accepts(self, raw: RawDocument) -> float:
        names = part_names(raw)
        if _MIMETYPE in raw.data[:200]:
            return 1.0
        return 0.8 if _CONTAINER in names and any(name.endswith(".opf") for name in names) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        package = Package(raw, _KIND)
        if "META-INF/encryption.xml" in package.names and "META-INF/rights.xml" in package.names:
            raise ParseError(f"{raw.name} is protected (DRM)", hint="get a copy without protection")
        opf = _package_name(package, raw)
        root = package.xml(opf)
        names = _contents(package, root, opf)
        writer = TextWriter()
        for part in _spine(package, root, opf):
            _write(writer, package, raw, (part, names.get(part, "")))
        if not writer.text:
            raise ParseError(f"{raw.name} holds no text", hint="if its pages are pictures, run OCR on them")
        metadata = _metadata(root)
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (metadata.get("title"), writer.first_heading())),
            text=writer.text,
            media_type=_MIMETYPE.decode(),
            blocks=writer.blocks,
            metadata=metadata,
        )


def _write(writer: TextWriter, package: Package, raw: RawDocument, chapter: tuple[str, str]) -> None:
    """One page of the spine, under the name that the contents give it where it has no heading of its own."""
    part, name = chapter
    try:
        page = read_whole(RawDocument(raw.uri, part, _CLOSED.sub(rb"<\1\2></\1>", package.read(part))))
    except ParseError:  # damage costs only this page
        return
    if name and not any(block.kind == "heading" for block in page.blocks):
        writer.add("heading", " ".join(name.split()), 1)
    writer.extend(page.text, page.blocks)


def _package_name(package: Package, raw: RawDocument) -> str:
    if _CONTAINER in package.names:
        for element in package.xml(_CONTAINER).iter():
            path = str(element.get("full-path", "")) if local_name(element) == "rootfile" else ""
            if path in package.names:
                return path
    found = sorted(name for name in package.names if name.endswith(".opf"))
    if not found:
        raise ParseError(
            f"{raw.name} is a damaged {_KIND} file: it names no package", hint="get a whole copy"
        )
    return found[0]


def _spine(package: Package, root: _Element, opf: str) -> Iterator[str]:
    """Names of the pages in reading order, the navigation page left out."""
    items = {item.get("id", ""): item for item in root.iter() if local_name(item) == "item"}
    for reference in root.iter():
        if local_name(reference) != "itemref":
            continue
        item = items.get(reference.get("idref", ""))
        if (
            item is None
            or item.get("media-type") not in _PAGES
            or "nav" in item.get("properties", "").split()
        ):
            continue
        part = _resolved(opf, item.get("href", ""))
        if part in package.names:
            yield part


def _contents(package: Package, root: _Element, opf: str) -> dict[str, str]:
    """The chapters' names by their pages, from the navigation page (EPUB 3) or the NCX file (EPUB 2)."""
    found: dict[str, str] = {}
    for item in root.iter():
        if local_name(item) != "item":
            continue
        part = _resolved(opf, item.get("href", ""))
        navigates = "nav" in item.get("properties", "").split()
        ncx = item.get("media-type") == "application/x-dtbncx+xml"
        if (navigates or ncx) and part in package.names:
            try:
                listing = package.xml(part)
            except ParseError:  # the book can be read without it
                continue
            for target, name in _links(listing) if navigates else _points(listing):
                found.setdefault(_resolved(part, target), clean(name))
    return found


def _links(page: _Element) -> Iterator[tuple[str, str]]:
    for link in page.iter():
        if local_name(link) == "a" and link.get("href"):
            yield link.get("href", ""), " ".join(str(text) for text in link.itertext())


def _points(ncx: _Element) -> Iterator[tuple[str, str]]:
    """Of each `navPoint`, the label comes before the content."""
    label = ""
    for element in ncx.iter():
        if local_name(element) == "text":
            label = element.text or ""
        elif local_name(element) == "content":
            yield element.get("src", ""), label


def _resolved(base: str, target: str) -> str:
    path = unquote(target.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(base), path)).lstrip("/")


def _metadata(root: _Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for element in root.iter():
        name = local_name(element)
        text = clean(element.text or "").strip()
        if name in _META and text and _META[name] not in found:
            found[_META[name]] = text
    return found
