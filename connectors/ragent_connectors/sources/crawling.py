"""What a crawler reads in pages: links, and sitemaps."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit, urlunsplit

from ragent.errors import SourceError
from ragent.web import Fetched

_XML_HEAD = 4096
_MAX_SITEMAP = 50_000_000  # the protocol's own limit
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class SitemapEntry:
    """A line of a sitemap: where, and when it changed last, or ""."""

    url: str
    changed: str


def canonical(url: str) -> str:
    """A URL without its fragment, with a lower-case host and at least `/` as its path."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path or "/", parts.query, ""))


def site_of(url: str) -> tuple[str, int | None]:
    """Host and port; http and https of one host are one site."""
    parts = urlsplit(url)
    standard = parts.port in (None, _PORTS.get(parts.scheme.lower()))
    return (parts.hostname or "").removeprefix("www."), None if standard else parts.port


def is_page(fetched: Fetched) -> bool:
    """Whether a response is HTML."""
    kind = fetched.headers.get("content-type", "").lower()
    return "html" in kind or (not kind and b"<html" in fetched.data[:_XML_HEAD].lower())


def links_of(fetched: Fetched) -> list[str]:
    """Where a page links to, in order, each once; none where it asks not to be followed."""
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(fetched.data)
    robots = page.css_first('meta[name="robots" i]')
    if robots and "nofollow" in (robots.attributes.get("content") or "").lower():
        return []
    base_node = page.css_first("base[href]")
    base = urljoin(fetched.url, (base_node.attributes.get("href") if base_node else "") or "")
    found: dict[str, None] = {}
    for node in page.css("a[href], area[href]"):
        if "nofollow" in (node.attributes.get("rel") or "").lower():
            continue
        try:
            url = urljoin(base, (node.attributes.get("href") or "").strip())
            if urlsplit(url).scheme in _PORTS and urlsplit(url).hostname:
                found.setdefault(canonical(url))
        except ValueError:  # not a URL that anybody could follow
            continue
    return list(found)


def wants_indexing(fetched: Fetched) -> bool:
    """Whether a response lets itself be kept in an index (`noindex`, as header or in the page)."""
    if "noindex" in fetched.headers.get("x-robots-tag", "").lower():
        return False
    head = fetched.data[:65536].lower()
    if not is_page(fetched) or b"noindex" not in head:
        return True
    from selectolax.lexbor import LexborHTMLParser

    node = LexborHTMLParser(head).css_first('meta[name="robots"]')
    return not (node and "noindex" in (node.attributes.get("content") or ""))


def sitemap_of(fetched: Fetched) -> tuple[list[SitemapEntry], list[str]] | None:
    """The entries of a sitemap and the sitemaps that it names; None where it is none (sitemaps.org 0.9).

    Raises:
        SourceError: it is one, but damaged.
    """
    data = _unzipped(fetched)
    head = data[:_XML_HEAD]
    if b"<urlset" not in head and b"<sitemapindex" not in head:
        return None
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise SourceError(f"can't read the sitemap {fetched.url}: {error}", hint="give the pages") from error
    entries = [
        SitemapEntry(url.strip(), (element.findtext("{*}lastmod") or "").strip())
        for element in root.iterfind("{*}url")
        if (url := element.findtext("{*}loc"))
    ]
    maps = [url.strip() for element in root.iterfind("{*}sitemap") if (url := element.findtext("{*}loc"))]
    return entries, maps


def _unzipped(fetched: Fetched) -> bytes:
    if not fetched.data.startswith(b"\x1f\x8b"):
        return fetched.data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(fetched.data)) as file:
            data = b"".join(_portions(file))
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"can't read {fetched.url}: {error}", hint="it is damaged") from error
    if len(data) > _MAX_SITEMAP:
        raise SourceError(
            f"can't read {fetched.url}: it unpacks to over 50 MB", hint="give a smaller sitemap"
        )
    return data


def _portions(file: gzip.GzipFile) -> Iterator[bytes]:
    left = _MAX_SITEMAP + 1
    while left > 0 and (piece := file.read(min(left, 1 << 20))):
        left -= len(piece)
        yield piece
