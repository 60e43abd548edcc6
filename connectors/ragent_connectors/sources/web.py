"""Web pages: one, those it links to, or those of a sitemap."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, field
from pathlib import PurePosixPath
from typing import Self
from urllib.parse import unquote, urlsplit

import xxhash

from ragent.errors import SourceError
from ragent.types import Item, RawDocument
from ragent.web import Fetched, Fetcher, WebLimits, split_login
from ragent_connectors.sources.crawling import (
    SitemapEntry,
    canonical,
    is_page,
    links_of,
    site_of,
    sitemap_of,
    wants_indexing,
)
from ragent_connectors.sources.options import at_least, flag, split_options
from ragent_connectors.sources.robots import Robots

_OPTIONS = {
    "depth": at_least(0),
    "max_pages": at_least(1),
    "delay": at_least(0),
    "seconds": at_least(1),
    "same_site": flag,
    "allow_private": flag,
}
_KEPT_BYTES = 64_000_000
_MAX_SITEMAPS = 500


@dataclass(frozen=True, slots=True)
class CrawlRules:
    """How far a crawl goes, and how gently.

    `depth` counts links from the first page: 0 reads that page alone. `delay` is the least time in seconds
    between two requests; a site's own `Crawl-delay` lengthens it.
    """

    depth: int = 0
    max_pages: int = 1000
    delay: float = 0.5
    same_site: bool = True


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known of a page from the last listing, for asking only whether it changed."""

    uri: str
    links: tuple[str, ...]
    version: str
    etag: str
    modified: str
    indexed: bool


class WebSource:
    """Pages of the web, within robots.txt; `https://…#depth=2&max_pages=100` for more than one page.

    A sitemap (by its content) stands for the pages that it names. Listing again asks servers only whether a
    page changed (conditional requests), in a later process too if it is told what this one remembers.
    """

    def __init__(
        self,
        url: str,
        *,
        rules: CrawlRules | None = None,
        fetcher: Fetcher | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = canonical(url)
        self._rules = rules or CrawlRules()
        self._web = _Polite(fetcher or Fetcher(), self._rules.delay, wait)
        self._seen: dict[str, _Seen] = {}
        self._before: dict[str, _Seen] = {}
        self._kept: dict[str, bytes] = {}
        self._kept_bytes = 0

    @staticmethod
    def accepts(argument: str) -> bool:
        """Takes http and https URLs."""
        return argument.lower().startswith(("http://", "https://"))

    @classmethod
    def open(cls, argument: str, *, max_bytes: int) -> Self:
        """The source for a URL; options: depth, max_pages, delay, seconds, same_site, allow_private."""
        url, options = split_options(argument, _OPTIONS)
        limits = WebLimits(
            max_bytes=max_bytes,
            seconds=options.pop("seconds", WebLimits().seconds),
            allow_private=options.pop("allow_private", False),
        )
        url, login = split_login(url)
        return cls(url, rules=CrawlRules(**options), fetcher=Fetcher(limits, login=login))

    @property
    def uri(self) -> str:
        """The first page."""
        return self._url

    def items(self) -> Iterator[Item]:
        """Crawl, breadth first. A page that can't be read is an Item with `error`.

        The version is the page's ETag, else its date of change, else a hash of it.

        Raises:
            SourceError: the first page can't be read.
        """
        self._drop_kept()
        self._before, self._seen = self._seen, {}
        first = self._visit(self._url)
        if isinstance(first, SourceError):
            raise first
        if isinstance(first, Fetched) and (sitemap := sitemap_of(first)) is not None:
            yield from self._listed(*sitemap)
            return
        yield from self._crawl(first)

    def load(self, item: Item) -> RawDocument:
        """Read one page.

        Raises:
            SourceError: it is gone, forbidden, too large or too slow.
        """
        data = self._kept.pop(item.uri, None)
        if data is None:
            fetched = self._web.get(item.uri, follow=self._may_follow)
            data = _checked(fetched).data
        else:
            self._kept_bytes -= len(data)
        parts = urlsplit(item.uri)
        name = PurePosixPath(unquote(parts.path)).name or parts.hostname or item.uri
        return RawDocument(item.uri, name, data)

    def recall(self, memory: str) -> None:
        """Go on from what `memory` of an earlier process gave; what can't be understood is passed over."""
        try:
            urls, pages = json.loads(memory)
            for url, uri, links, *rest in pages:
                self._seen[urls[url]] = _Seen(urls[uri], tuple(urls[link] for link in links), *rest)
        except (ValueError, TypeError, IndexError):
            self._seen.clear()

    def memory(self) -> str:
        """What is known of the pages of the last listing, as JSON: all URLs, and pages that count in them."""
        numbers: dict[str, int] = {}

        def number(url: str) -> int:
            return numbers.setdefault(url, len(numbers))

        pages = [
            [number(url), number(seen.uri), [*map(number, seen.links)], *astuple(seen)[2:]]
            for url, seen in self._seen.items()
        ]
        return json.dumps([list(numbers), pages], separators=(",", ":"))

    def _crawl(self, first: Fetched | _Seen) -> Iterator[Item]:
        queue: deque[tuple[str, int]] = deque([(self._url, 0)])
        found = {self._url}
        told: set[str] = set()
        while queue and len(told) < self._rules.max_pages:
            url, depth = queue.popleft()
            visited = first if url == self._url else self._visit(url)
            if isinstance(visited, SourceError):
                told.add(url)
                yield Item(url, "", error=str(visited))
                continue
            page = visited if isinstance(visited, _Seen) else self._remember(url, visited)
            if page.uri not in told and page.indexed:
                told.add(page.uri)
                yield Item(page.uri, page.version)
            for link in page.links if depth < self._rules.depth else ():
                if link not in found:
                    found.add(link)
                    queue.append((link, depth + 1))

    def _listed(self, entries: list[SitemapEntry], maps: list[str]) -> Iterator[Item]:
        """The pages of a sitemap and of those it names; a page without a date is visited for its version."""
        own = [url for url in maps if self._may_follow(url)]
        queue, asked, told = deque(own), set(own), 0
        while True:
            for entry in entries:
                url = canonical(entry.url)
                if not self._may_follow(url) or told >= self._rules.max_pages:
                    continue
                told += 1
                yield Item(url, entry.changed) if entry.changed else self._versioned(url)
            if not queue or len(asked) > _MAX_SITEMAPS or told >= self._rules.max_pages:
                return
            url, entries = queue.popleft(), []
            try:
                sitemap = sitemap_of(_checked(self._web.get(url)))
                entries, more = sitemap or ([], [])
                more = [link for link in more if link not in asked and self._may_follow(link)]
                queue.extend(more)
                asked.update(more)
            except SourceError as error:
                yield Item(url, "", error=str(error))

    def _versioned(self, url: str) -> Item:
        visited = self._visit(url)
        if isinstance(visited, SourceError):
            return Item(url, "", error=str(visited))
        page = visited if isinstance(visited, _Seen) else self._remember(url, visited)
        return Item(url, page.version)

    def _visit(self, url: str) -> Fetched | _Seen | SourceError:
        """The page; or what is known of it, when the server says that it is unchanged."""
        known = self._before.get(url)
        headers = {}
        if known and known.etag:
            headers["If-None-Match"] = known.etag
        elif known and known.modified:
            headers["If-Modified-Since"] = known.modified
        try:
            fetched = self._web.get(url, headers, follow=self._may_follow)
            if not known or fetched.status != 304:
                return _checked(fetched)
        except SourceError as error:
            if known:  # it may be back the next time
                self._seen[url] = known
            return error
        self._seen[url] = known
        return known

    def _remember(self, url: str, fetched: Fetched) -> _Seen:
        etag, modified = fetched.headers.get("etag", ""), fetched.headers.get("last-modified", "")
        version = etag.removeprefix("W/") or modified or xxhash.xxh3_128_hexdigest(fetched.data)
        found = links_of(fetched) if self._rules.depth and is_page(fetched) else ()
        links = tuple(link for link in found if self._may_follow(link))
        seen = _Seen(canonical(fetched.url), links, version, etag, modified, wants_indexing(fetched))
        self._seen[url] = seen
        if self._kept_bytes + len(fetched.data) <= _KEPT_BYTES:
            self._kept[seen.uri] = fetched.data
            self._kept_bytes += len(fetched.data)
        return seen

    def _drop_kept(self) -> None:
        self._kept.clear()
        self._kept_bytes = 0

    def _may_follow(self, url: str) -> bool:
        if not self.accepts(url):
            return False
        return not self._rules.same_site or site_of(url) == site_of(self._url)


@dataclass(slots=True)
class _Polite:
    """Asks robots.txt before each request, and keeps the distance in time that a site wants."""

    fetcher: Fetcher
    delay: float
    wait: Callable[[float], None]
    last: dict[str, float] = field(default_factory=dict)
    robots: Robots = field(init=False)

    def __post_init__(self) -> None:
        self.robots = Robots(self.fetcher)

    def get(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        *,
        follow: Callable[[str], bool] = lambda _: True,
    ) -> Fetched:
        if not self.robots.allows(url):
            raise SourceError(
                f"can't read {url}: the site's robots.txt forbids it", hint="ask the site's owner"
            )
        host = urlsplit(url).netloc
        due = self.last.get(host, 0.0) + max(self.delay, self.robots.delay(url))
        if (left := due - time.monotonic()) > 0 and host in self.last:
            self.wait(left)
        self.last[host] = time.monotonic()
        return self.fetcher.get(
            url, headers, follow=lambda target: follow(target) and self.robots.allows(target)
        )


def _checked(fetched: Fetched) -> Fetched:
    if fetched.status < 300:
        return fetched
    if fetched.status < 400:
        where = fetched.headers.get("location", "nowhere")
        raise SourceError(f"can't read {fetched.url}: it redirects to {where}", hint="that is another site")
    reasons = {401: "it needs a login", 403: "access is forbidden", 404: "it isn't there", 410: "it is gone"}
    reason = reasons.get(fetched.status, f"the server answered {fetched.status}")
    hint = "try again later" if fetched.status >= 500 or fetched.status == 429 else "check the URL"
    raise SourceError(f"can't read {fetched.url}: {reason}", hint=hint)
