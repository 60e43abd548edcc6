"""RSS and Atom feeds: each entry is a document."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urljoin

import xxhash

from ragent.errors import SourceError
from ragent.types import Item, RawDocument
from ragent.web import Fetcher, WebLimits, split_login
from ragent_connectors.containers.naming import SEPARATOR
from ragent_connectors.sources.options import at_least, flag, split_options

_OPTIONS = {"seconds": at_least(1), "allow_private": flag}
# Where the different formats keep the same thing, the fullest first.
_TEXTS = ("{http://purl.org/rss/1.0/modules/content/}encoded", "{*}content", "{*}description", "{*}summary")
_DATES = ("{*}updated", "{*}published", "{*}pubDate", "{http://purl.org/dc/elements/1.1/}date")
_AUTHORS = ("{*}author/{*}name", "{*}author", "{http://purl.org/dc/elements/1.1/}creator")


@dataclass(frozen=True, slots=True)
class _Entry:
    uri: str
    title: str
    date: str
    author: str
    body: str

    @property
    def page(self) -> bytes:
        """The entry as an HTML page."""
        facts = " · ".join(html.escape(fact) for fact in (self.author, self.date) if fact)
        title = html.escape(self.title)
        head = f"<!doctype html><html><head><meta charset='utf-8'><title>{title}</title></head>"
        return f"{head}<body><h1>{title}</h1><p>{facts}</p>{self.body}</body></html>".encode(
            "utf-8", "replace"
        )


class FeedSource:
    """The entries of an RSS (0.9 to 2.0) or Atom feed, as the feed itself tells them; links are not followed.

    Opened by `feed+https://…`. The version of an entry is its date and a hash of its text.
    """

    def __init__(self, url: str, *, fetcher: Fetcher | None = None) -> None:
        self._url = url
        self._fetcher = fetcher or Fetcher()
        self._entries: dict[str, _Entry] = {}
        self._listed: tuple[Item, ...] = ()
        self._known: dict[str, str] = {}

    @staticmethod
    def accepts(argument: str) -> bool:
        """Takes `feed+` before an http or https URL."""
        return argument.lower().startswith(("feed+http://", "feed+https://"))

    @classmethod
    def open(cls, argument: str, *, max_bytes: int) -> Self:
        """The source for a URL; options: seconds, allow_private."""
        url, options = split_options(argument[len("feed+") :], _OPTIONS)
        url, login = split_login(url)
        return cls(url, fetcher=Fetcher(WebLimits(max_bytes=max_bytes, **options), login=login))

    @property
    def uri(self) -> str:
        """`feed+` and the feed's URL."""
        return f"feed+{self._url}"

    def items(self) -> Iterator[Item]:
        """The entries that the feed holds now: feeds drop old ones.

        Raises:
            SourceError: it can't be fetched, or is no feed.
        """
        self._refresh(self._known)
        yield from self._listed

    def load(self, item: Item) -> RawDocument:
        """One entry as an HTML page.

        Raises:
            SourceError: the feed no longer holds it.
        """
        if item.uri not in self._entries:
            self._refresh({})
        entry = self._entries.get(item.uri)
        if entry is None:
            raise SourceError(
                f"can't read {item.uri}: the feed no longer holds it", hint="list the feed again"
            )
        return RawDocument(item.uri, "entry.html", entry.page)

    def recall(self, memory: str) -> None:
        """Go on from what `memory` of an earlier process gave; what can't be understood is passed over."""
        try:
            known, listed = json.loads(memory)
            self._listed = tuple(Item(uri, version) for uri, version in listed)
            self._known = dict(known)
        except (ValueError, TypeError):
            self._listed, self._known = (), {}

    def memory(self) -> str:
        """The headers that ask whether the feed changed, and its entries, as JSON."""
        return json.dumps([self._known, [(item.uri, item.version) for item in self._listed]])

    def _refresh(self, headers: dict[str, str]) -> None:
        fetched = self._fetcher.get(self._url, headers)
        if fetched.status == 304:
            return
        if fetched.status >= 300:
            raise SourceError(
                f"can't read {self._url}: the server answered {fetched.status}", hint="check the URL"
            )
        entries = (_read(element, self._url) for element in _elements(fetched.data, self._url))
        self._entries = {entry.uri: entry for entry in entries}
        self._listed = tuple(
            Item(entry.uri, f"{entry.date}:{xxhash.xxh3_128_hexdigest(entry.page)}")
            for entry in self._entries.values()
        )
        asks = {"If-None-Match": "etag", "If-Modified-Since": "last-modified"}
        told = {ask: fetched.headers.get(header, "") for ask, header in asks.items()}
        self._known = {ask: value for ask, value in told.items() if value}


def _elements(data: bytes, url: str) -> list[Any]:
    """The entries' elements. Damage is passed over as browsers do; entities are not looked up anywhere."""
    from lxml import etree

    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    root = etree.fromstring(data.strip(), parser) if data.strip() else None
    if root is None or etree.QName(root).localname not in ("feed", "rss", "RDF"):
        raise SourceError(
            f"can't read {url}: it is no RSS or Atom feed", hint="for a web page, leave out feed+"
        )
    return [e for e in root.iter("{*}entry", "{*}item") if e.getparent().tag != e.tag]


def _read(element: Any, base: str) -> _Entry:
    title, date = _first(element, ("{*}title",)), _first(element, _DATES)
    body = _body(element)
    link = _link(element)
    named = urljoin(base, link) if link else _first(element, ("{*}id", "{*}guid"))
    named = named or xxhash.xxh3_128_hexdigest((title + body).encode("utf-8", "replace"))
    # Not the link itself: a feed could name any document of others that way, and take its place.
    uri = f"feed+{base}{SEPARATOR}{quote(named, safe=':/?&=')}"
    return _Entry(uri, html.unescape(title) or "Untitled entry", date, _first(element, _AUTHORS), body)


def _link(element: Any) -> str:
    for link in element.iterfind("{*}link"):
        if link.get("rel", "alternate") == "alternate":
            return (link.get("href") or link.text or "").strip()
    guid = element.find("{*}guid")
    return guid.text.strip() if guid is not None and guid.text and guid.get("isPermaLink") != "false" else ""


def _body(element: Any) -> str:
    """The fullest text, as HTML."""
    for path in _TEXTS:
        found = element.find(path)
        if found is None:
            continue
        if len(found):  # XHTML within the feed itself
            return _without_namespaces(found)
        if text := (found.text or "").strip():
            return f"<p>{html.escape(text)}</p>" if found.get("type") == "text" else text
    return ""


def _without_namespaces(content: Any) -> str:
    from lxml import etree

    for element in content.iter(etree.Element):
        element.tag = etree.QName(element).localname
    etree.cleanup_namespaces(content)
    inner = "".join(etree.tostring(child, encoding="unicode") for child in content)
    return html.escape(content.text or "") + inner


def _first(element: Any, paths: tuple[str, ...]) -> str:
    for path in paths:
        found = element.find(path)
        if found is not None and (text := " ".join("".join(found.itertext()).split())):
            return text
    return ""
