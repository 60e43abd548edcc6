"""HTML: the main content of a page as text, without its chrome."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.decoding import clean, detect, unicode_encoding
from ragent_connectors.parsers.html_walk import HtmlWalker
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_HEAD_BYTES = 65536
_SUFFIXES = (".html", ".htm", ".xhtml")
_PROLOGUE = r"(?:\s++|\ufeff|<!--.*?-->|<\?.*?\?>|<!doctype(?! html)[^>]*>)*+"
_PAGE = re.compile(_PROLOGUE + r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_ANY_TAG = re.compile(_PROLOGUE + r"<[a-z][a-z0-9]*[\s/>]", re.IGNORECASE | re.DOTALL)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE)
# Labels that mean another encoding on the web (WHATWG Encoding Standard, section 4.2).
_LABELS = {
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "iso-8859-9": "cp1254",
    "tis-620": "cp874",
    "utf-16": "utf-8",
    "utf-16le": "utf-8",
    "utf-16be": "utf-8",
}
_ESCAPES = {"unicode_escape", "raw_unicode_escape", "utf-7", "utf7", "idna", "punycode"}
_NESTING = re.compile(rb"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_UNCLOSED = {
    *(b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"source"),
    *(b"track", b"wbr", b"p", b"li", b"dt", b"dd", b"option", b"tr", b"td", b"th", b"thead", b"tbody"),
}
_MAX_DEPTH = 5000
_ENOUGH = 0.3
_WEB = ("http://", "https://")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_FOLLOWED = {"http", "https", "ftp", "file", "mailto"}
_MOST_LINKS = 500


class HtmlParser:
    """Takes what begins like a page, or is named like one and begins with a tag."""

    def accepts(self, raw: RawDocument) -> float:
        head = _head(raw.data)
        if _PAGE.match(head):
            return 0.9
        return 0.7 if raw.name.lower().endswith(_SUFFIXES) and _ANY_TAG.match(head) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        from selectolax.lexbor import LexborHTMLParser

        _refuse_deep_nesting(raw)
        page = LexborHTMLParser(_decoded(raw))
        writer, links = _written(page)
        if not writer.text:
            raise ParseError(f"{raw.name} is a page without text", hint="it may be drawn by scripts only")
        title = page.css_first("head > title")
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (title.text() if title else None, writer.first_heading())),
            text=writer.text,
            media_type="text/html",
            blocks=writer.blocks,
            metadata=_metadata(page) | _targets(raw.uri, links),
        )


def read_whole(raw: RawDocument) -> TextWriter:
    """Everything that stands on a page, as the pages of a book need it: there, nothing is chrome.

    Raises:
        ParseError: it nests without bounds, or is in no known encoding.
    """
    from selectolax.lexbor import LexborHTMLParser

    _refuse_deep_nesting(raw)
    body = LexborHTMLParser(_decoded(raw)).body
    return HtmlWalker(keep_chrome=True).walk(body) if body is not None else TextWriter()


def _written(page: LexborHTMLParser) -> tuple[TextWriter, list[tuple[str, str]]]:
    """The main content, and its links.

    That is the whole body where there is no sizeable main part, and chrome too if all is chrome.
    """
    body = page.body
    if body is None:
        return TextWriter(), []
    walker = HtmlWalker()
    whole = walker.walk(body)
    main = _main(page)
    if main is not None:
        inner = HtmlWalker()
        part = inner.walk(main)
        if part.length >= _ENOUGH * whole.length and part.length:
            return part, inner.links
    if not whole.length:
        walker = HtmlWalker(keep_chrome=True)
        whole = walker.walk(body)
    return whole, walker.links


def _targets(uri: str, links: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Where the links lead: each pair of words and target once, relative ones from where the page is.

    Those within the page, and those that run something, lead nowhere.
    """
    found: dict[tuple[str, str], None] = {}
    for words, target in links:
        try:
            whole = urljoin(uri, target) if uri.startswith(_WEB) else target
        except ValueError:  # a broken host
            continue
        scheme = _SCHEME.match(whole)
        if words and not target.startswith("#") and (not scheme or scheme[1].lower() in _FOLLOWED):
            found[clean(words), clean(whole)] = None
    kept = list(found)[:_MOST_LINKS]
    return {"links": [{"text": words, "url": target} for words, target in kept]} if kept else {}


def _main(page: LexborHTMLParser) -> LexborNode | None:
    mains = page.css("main, [role=main]")
    if mains:
        return mains[0]
    articles = page.css("article")
    return articles[0] if len(articles) == 1 else None


def _metadata(page: LexborHTMLParser) -> dict[str, str]:
    found: dict[str, str] = {}
    root = page.css_first("html")
    if root and (lang := root.attributes.get("lang")):
        found["lang"] = clean(lang)
    for name in ("description", "author"):
        node = page.css_first(f'meta[name="{name}" i]')
        if node and (content := node.attributes.get("content")):
            found[name] = clean(content).strip()
    return found


def _head(data: bytes) -> str:
    """The beginning, decoded well enough to see its tags."""
    encoding = unicode_encoding(data) or "latin-1"
    return data[:_HEAD_BYTES].decode(encoding, "replace")


def _decoded(raw: RawDocument) -> str:
    """Byte order mark, then UTF-8 if it fits, then the page's own word, then detection.

    UTF-8 goes before the page's word because a wrong `charset` on a UTF-8 page is common, while text in
    another encoding is hardly ever valid UTF-8 by chance (except the seven-bit ISO-2022 family).
    """
    data = raw.data
    if encoding := unicode_encoding(data):
        return data.decode(encoding, "replace").removeprefix("\ufeff")
    match = _META_CHARSET.search(data[:_HEAD_BYTES])
    label = match[1].decode("ascii").lower() if match else ""
    try:
        if label.startswith("iso-2022"):
            return data.decode(label, "replace")
        return data.decode("utf-8")
    except (LookupError, UnicodeError):
        pass
    if label in ("utf-8", "utf8"):
        text = data.decode("utf-8", "replace")
        # A few bytes may be damaged; if most of what isn't ASCII is, the page's word is wrong.
        return (
            text
            if 2 * text.count("\ufffd") < len(text) - len(text.encode("ascii", "ignore"))
            else detect(raw)
        )
    try:
        if label and label not in _ESCAPES:
            return data.decode(_LABELS.get(label, label), "replace")
    except (LookupError, UnicodeError):
        pass
    return detect(raw)


def _refuse_deep_nesting(raw: RawDocument) -> None:
    """The HTML engine's time grows with the square of the depth: 100,000 open tags take it 12 seconds."""
    if raw.data.count(b"<") <= _MAX_DEPTH:
        return
    depth = 0
    for match in _NESTING.finditer(raw.data):
        if match[2].lower() not in _UNCLOSED:
            depth += -1 if match[1] else 1
            if depth > _MAX_DEPTH:
                raise ParseError(
                    f"{raw.name} nests more than {_MAX_DEPTH} elements",
                    hint="it is damaged, or meant to harm",
                )
            depth = max(depth, 0)
