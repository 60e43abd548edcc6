"""XML: its text, with the path of each element. Entities are neither expanded nor fetched."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.archives import local_name
from ragent_connectors.parsers.decoding import decode, is_binary, unicode_encoding
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter
from ragent_connectors.parsers.xml_walk import TITLES, XmlWalker

if TYPE_CHECKING:
    from lxml.etree import XMLParser, _Element

_SUFFIXES = (".xml", ".rss", ".atom", ".opml", ".svg", ".xsl", ".xsd", ".kml", ".gpx", ".nxml", ".dbk")
_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,300}\?>")
# What libxml2 says of documents that exceed its limits.
_HARM = ("amplification", "Excessive depth", "entity reference loop", "huge")
_HEAD = 65536


class XmlParser:
    """Takes what begins with an XML declaration, or is named like XML and begins with an element."""

    def accepts(self, raw: RawDocument) -> float:
        if is_binary(raw.data):
            return 0.0
        head = (
            raw.data[:_HEAD].decode(unicode_encoding(raw.data) or "utf-8", "replace").removeprefix("\ufeff")
        )
        if _DECLARATION.match(head):
            return 0.6
        return 0.6 if raw.name.lower().endswith(_SUFFIXES) and head.lstrip().startswith("<") else 0.0

    def parse(self, raw: RawDocument) -> Document:
        root = _root(raw)
        writer = TextWriter()
        XmlWalker(writer).walk(root)
        if not writer.text:
            raise ParseError(f"{raw.name} holds no text", hint="its elements are empty")
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (_title(root),)),
            text=writer.text,
            media_type="application/xml",
            blocks=writer.blocks,
        )


def _root(raw: RawDocument) -> _Element:
    """The root, by the file's own word for its encoding, else by ours as far as it can be read.

    Raises:
        ParseError: it nests or expands without bounds, or nothing of it can be read.
    """
    from lxml import etree

    try:
        return etree.fromstring(raw.data, _parser(recover=False))
    except etree.XMLSyntaxError as error:
        if any(word in str(error) for word in _HARM):
            raise ParseError(
                f"{raw.name} is damaged or meant to harm: {error}", hint="leave it out"
            ) from error
        reason = error
    text = _DECLARATION.sub("", decode(raw), count=1)
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), _parser(recover=True))
    except etree.XMLSyntaxError:
        root = None
    if root is None:
        raise ParseError(f"{raw.name} is no readable XML: {reason}", hint="repair it, or save it as .txt")
    return root


def _parser(*, recover: bool) -> XMLParser:
    from lxml import etree

    return etree.XMLParser(
        recover=recover,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _title(root: _Element) -> str | None:
    """The text of the first title, if it is near the top."""
    for element in (*root, *(child for part in root[:1] for child in part)):
        if local_name(element) in TITLES and element.text:
            return str(element.text)
    return None
