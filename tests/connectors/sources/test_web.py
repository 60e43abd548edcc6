from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from ragent.errors import SourceError
from ragent.types import Item
from ragent.web import Fetcher, WebLimits
from ragent_connectors.sources.web import CrawlRules, WebSource
from tests.serving import Site, say, serving

FETCHER = Fetcher(WebLimits(max_bytes=100_000, seconds=5, allow_private=True))


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


def page(*links: str, head: str = "") -> str:
    anchors = "".join(f"<a href={link!r}>x</a>" for link in links)
    return f"<html><head>{head}</head><body><p>Words.</p>{anchors}</body></html>"


def html(text: str, **headers: str):  # type: ignore[no-untyped-def]
    return say(text, Content_Type="text/html", **headers)


def source(url: str, waits: list[float] | None = None, **rules: object) -> WebSource:
    record = waits.append if waits is not None else lambda _: None
    return WebSource(url, rules=CrawlRules(**rules), fetcher=FETCHER, wait=record)  # type: ignore[arg-type]


def paths(site: Site, crawled: WebSource) -> list[str]:
    return [item.uri.removeprefix(site.url) for item in crawled.items() if not item.error]


def test_one_page_is_one_item(site: Site) -> None:
    site.answers["/a/b.html"] = html(page("/c"))
    crawled = source(f"{site.url}/a/b.html#section")
    (item,) = crawled.items()
    assert item.uri == f"{site.url}/a/b.html"
    raw = crawled.load(item)
    assert (raw.name, raw.data) == ("b.html", page("/c").encode())
    assert site.paths == ["/robots.txt", "/a/b.html"]


def test_links_are_followed_to_a_depth_each_once(site: Site) -> None:
    site.answers["/"] = html(page("/a", "b#x", "/a?q=1", "mailto:x@y", "http://[broken"))
    site.answers["/a"] = html(page("/", "/deep"))
    site.answers["/b"] = site.answers["/a?q=1"] = html(page())
    site.answers["/deep"] = html(page("/deeper"))
    assert paths(site, source(site.url)) == ["/"]
    assert paths(site, source(site.url, depth=1)) == ["/", "/a", "/b", "/a?q=1"]
    assert paths(site, source(site.url, depth=2)) == ["/", "/a", "/b", "/a?q=1", "/deep"]
    assert paths(site, source(site.url, depth=9, max_pages=2)) == ["/", "/a"]


def test_other_sites_are_left_alone(site: Site) -> None:
    with serving() as other:
        other.answers["/"] = html(page())
        site.answers["/"] = html(page(other.url + "/", "/away", "/a"))
        site.answers["/away"] = say(b"", 302, Location=other.url + "/")
        site.answers["/a"] = html(page())
        items = list(source(site.url, depth=1).items())
        assert [item.uri for item in items if not item.error] == [site.url + "/", site.url + "/a"]
        assert ["another site" in item.error for item in items if item.error] == [True]
        assert other.seen == []
        both = [item.uri for item in source(site.url, depth=1, same_site=False).items()]
        assert other.url + "/" in both


def test_robots_txt_is_obeyed(site: Site) -> None:
    site.answers["/robots.txt"] = say("User-agent: *\nDisallow: /private\nCrawl-delay: 7\n")
    site.answers["/"] = html(page("/private/x", "/open", "/round"))
    site.answers["/open"] = html(page())
    site.answers["/round"] = say(b"", 302, Location="/private/y")
    waits: list[float] = []
    items = list(source(site.url, waits, depth=1).items())
    assert [item.uri.removeprefix(site.url) for item in items if not item.error] == ["/", "/open"]
    assert not any(path.startswith("/private") for path in site.paths)
    assert "robots.txt forbids" in items[1].error
    assert waits
    assert all(6 < waited <= 7 for waited in waits)


def test_a_site_whose_robots_txt_is_broken_is_left_alone(site: Site) -> None:
    site.answers["/robots.txt"] = say("", 503)
    site.answers["/"] = html(page())
    with pytest.raises(SourceError, match=r"robots\.txt forbids"):
        list(source(site.url).items())
    with pytest.raises(SourceError, match=r"robots\.txt forbids"):
        source(site.url).load(Item(site.url + "/", ""))


def test_pages_that_do_not_want_to_be_kept_are_not(site: Site) -> None:
    site.answers["/"] = html(page("/a", "/b", "/c"))
    site.answers["/a"] = html(page("/d", head="<meta name=Robots content='noindex'>"))
    site.answers["/b"] = html(page("/e", head="<meta name=robots content='NoFollow'>"))
    site.answers["/c"] = html(page(), X_Robots_Tag="noindex")
    site.answers["/d"] = site.answers["/e"] = html(page())
    assert paths(site, source(site.url, depth=2)) == ["/", "/b", "/d"]


def test_the_version_is_the_etag_the_date_or_a_hash(site: Site) -> None:
    site.answers["/"] = html(page("/a", "/b"), ETag='"1"')
    site.answers["/a"] = html(page(), Last_Modified="Tue, 05 Mar 2024 10:00:00 GMT")
    site.answers["/b"] = html(page())
    before = [item.version for item in source(site.url, depth=1).items()]
    assert before[:2] == ['"1"', "Tue, 05 Mar 2024 10:00:00 GMT"]
    assert before == [item.version for item in source(site.url, depth=1).items()]
    site.answers["/b"] = html(page("/z"))
    assert before[2] != [item.version for item in source(site.url, depth=1).items()][2]


def test_listing_again_asks_only_whether_it_changed(site: Site) -> None:
    site.answers["/"] = html(page("/a"), ETag='"1"')
    site.answers["/a"] = html(page(), ETag='"2"')
    crawled = source(site.url, depth=1)
    first = list(crawled.items())
    site.seen.clear()
    assert list(crawled.items()) == first
    assert [(path, sent.get("If-None-Match")) for path, sent in site.seen] == [("/", '"1"'), ("/a", '"2"')]


def test_an_unreachable_page_is_an_item_with_an_error(site: Site) -> None:
    site.answers["/"] = html(page("/gone", "/large"))
    site.answers["/large"] = say(bytes(100_001))
    _, gone, large = source(site.url, depth=1).items()
    assert "it isn't there" in gone.error
    assert "over the limit" in large.error


def test_a_first_page_that_is_missing_is_an_error(site: Site) -> None:
    with pytest.raises(SourceError, match="it isn't there"):
        list(source(site.url).items())


def test_a_redirect_gives_the_page_where_it_is(site: Site) -> None:
    site.answers["/"] = html(page("/old", "/new"))
    site.answers["/old"] = say(b"", 301, Location="/new")
    site.answers["/new"] = html(page())
    assert paths(site, source(site.url, depth=1)) == ["/", "/new"]


def sitemap(*entries: str) -> str:
    return f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{"".join(entries)}</urlset>'


def test_a_sitemap_stands_for_its_pages(site: Site) -> None:
    index = f"<sitemapindex><sitemap><loc>{site.url}/more.xml.gz</loc></sitemap></sitemapindex>"
    dated = f"<url><loc>{site.url}/a</loc><lastmod>2024-03-05</lastmod></url>"
    undated = f"<url><loc>{site.url}/b</loc></url><url><loc>http://other.example/</loc></url>"
    site.answers["/map.xml"] = say(index)
    site.answers["/more.xml.gz"] = say(gzip.compress(sitemap(dated, undated).encode()))
    site.answers["/a"] = html(page())
    site.answers["/b"] = html(page(), ETag='"1"')
    crawled = source(f"{site.url}/map.xml")
    items = list(crawled.items())
    assert items == [Item(f"{site.url}/a", "2024-03-05"), Item(f"{site.url}/b", '"1"')]
    assert "/a" not in site.paths
    assert crawled.load(items[0]).data == page().encode()


def test_a_sitemap_cannot_read_local_files(site: Site) -> None:
    site.answers["/map.xml"] = say(
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
        f"<urlset><url><loc>{site.url}/&e;</loc><lastmod>1</lastmod></url></urlset>"
    )
    assert [item.uri for item in source(f"{site.url}/map.xml").items()] in ([], [f"{site.url}/"])


def test_options_stand_behind_the_hash(site: Site) -> None:
    site.answers["/"] = html(page("/a"))
    site.answers["/a"] = html(page())
    opened = WebSource.open(f"{site.url}/#depth=1&delay=0&allow_private=1", max_bytes=100_000)
    assert paths(site, opened) == ["/", "/a"]
    with pytest.raises(SourceError, match="private address"):
        list(WebSource.open(site.url, max_bytes=1000).items())
    for wrong in ("#deep=1", "#depth=x", "#depth=-1", "#same_site=maybe"):
        with pytest.raises(SourceError, match="option"):
            WebSource.open(site.url + wrong, max_bytes=1000)


def test_a_later_process_asks_only_whether_pages_changed(site: Site) -> None:
    site.answers["/"] = html(page("/a", "/old", "/gone"), ETag='"1"')
    site.answers["/a"] = html(page("/b"), ETag='"2"')
    site.answers["/b"] = html(page(), ETag='"3"')
    site.answers["/old"] = say(b"", 301, Location="/new")
    site.answers["/new"] = html(page(), ETag='"4"')
    crawled = source(site.url, depth=2)
    first = list(crawled.items())
    for _ in range(2):
        later = source(site.url, depth=2)
        later.recall(crawled.memory())
        site.seen.clear()
        assert list(later.items()) == first
        asked = {path: sent.get("If-None-Match") for path, sent in site.seen}
        assert [asked[path] for path in ("/", "/a", "/b", "/new")] == ['"1"', '"2"', '"3"', '"4"']
        crawled = later
    site.answers["/a"] = html(page(), ETag='"5"')
    later.recall(crawled.memory())
    assert [item.uri.removeprefix(site.url) for item in later.items()] == ["/", "/a", "/new", "/gone"]
    assert later.load(Item(f"{site.url}/new", '"4"')).data == page().encode()


def test_a_memory_that_cannot_be_read_is_passed_over(site: Site) -> None:
    site.answers["/"] = html(page(), ETag='"1"')
    for memory in ("", "[]", "7", "[[], [[1, 2, 3]]]", '[["x"], [[0]]]', "null"):
        crawled = source(site.url)
        crawled.recall(memory)
        assert [item.version for item in crawled.items()] == ['"1"']


def test_sitemaps_of_other_sites_are_left_alone(site: Site) -> None:
    with serving() as other:
        maps = f"<sitemap><loc>{other.url}/map.xml</loc></sitemap>"
        site.answers["/map.xml"] = say(f"<sitemapindex>{maps}</sitemapindex>")
        assert list(source(f"{site.url}/map.xml").items()) == []
        assert other.seen == []


def test_wildcards_of_robots_txt_are_obeyed(site: Site) -> None:
    site.answers["/robots.txt"] = say("User-agent: *\nAllow: /\nDisallow: /*.pdf$\n")
    site.answers["/"] = html(page("/a.pdf", "/a"))
    site.answers["/a"] = html(page())
    assert paths(site, source(site.url, depth=1)) == ["/", "/a"]
    assert "/a.pdf" not in site.paths
