from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragent.errors import SourceError
from ragent.ingest import parse
from ragent.types import Item
from ragent.web import Fetcher, WebLimits
from ragent_connectors.sources.feed import FeedSource
from tests.serving import Site, say, serving

RSS = """<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel><title>Harbour news</title><link>http://harbour.example/</link>
<item><title>The crane &amp; the quay</title><link>http://harbour.example/crane</link>
<pubDate>Tue, 05 Mar 2024 10:00:00 GMT</pubDate><description>Short.</description>
<content:encoded><![CDATA[<p>The crane is <b>out of order</b>.</p>]]></content:encoded></item>
<item><title>No link</title><guid isPermaLink="false">tag:42</guid>
<description>Words &lt;i&gt;here&lt;/i&gt;.</description></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Harbour</title>
<entry><title>Tides</title><id>urn:1</id><updated>2024-03-05T10:00:00Z</updated><author><name>Jörg</name></author>
<link rel="self" href="/self"/><link href="/tides"/>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>High &lt; low.</p></div></content></entry>
<entry><title>Plain</title><id>urn:2</id><summary type="text">1 &lt; 2</summary></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
<channel><title>x</title></channel><item><title>Old</title><link>http://x.example/old</link>
<description>Very old.</description></item></rdf:RDF>"""


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


def source(site: Site) -> FeedSource:
    return FeedSource(f"{site.url}/feed", fetcher=Fetcher(WebLimits(seconds=5, allow_private=True)))


def texts(site: Site) -> dict[str, str]:
    opened = source(site)
    return {i.uri.removeprefix(opened.uri): parse(opened.load(i)).text for i in opened.items()}


def test_rss_entries_are_documents(site: Site) -> None:
    site.answers["/feed"] = say(RSS)
    assert texts(site) == {
        "!/http://harbour.example/crane": (
            "The crane & the quay\n\nTue, 05 Mar 2024 10:00:00 GMT\n\nThe crane is out of order."
        ),
        "!/tag:42": "No link\n\nWords here.",
    }


def test_atom_entries_are_documents(site: Site) -> None:
    site.answers["/feed"] = say(ATOM)
    assert texts(site) == {
        f"!/{site.url}/tides": "Tides\n\nJörg · 2024-03-05T10:00:00Z\n\nHigh < low.",
        "!/urn:2": "Plain\n\n1 < 2",
    }


def test_rss_1_is_read_too(site: Site) -> None:
    site.answers["/feed"] = say(RDF)
    assert texts(site) == {"!/http://x.example/old": "Old\n\nVery old."}


def test_the_version_follows_the_entry(site: Site) -> None:
    site.answers["/feed"] = say(RSS)
    before = list(source(site).items())
    site.answers["/feed"] = say(RSS.replace("out of order", "mended"))
    after = list(source(site).items())
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True]


def test_an_unchanged_feed_is_not_sent_again(site: Site) -> None:
    site.answers["/feed"] = say(RSS, ETag='"1"')
    opened = source(site)
    assert list(opened.items()) == list(opened.items())
    assert [sent.get("If-None-Match") for _, sent in site.seen] == [None, '"1"']


def test_a_feed_cannot_take_the_place_of_other_documents(site: Site) -> None:
    site.answers["/feed"] = say(RSS.replace("http://harbour.example/crane", "file:///home/me/secret.md"))
    assert all(item.uri.startswith(f"feed+{site.url}/feed!/") for item in source(site).items())


def test_entities_are_not_looked_up(site: Site) -> None:
    evil = '<!DOCTYPE rss [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + RSS.split("?>")[1].replace(
        "Short", "&e;"
    )
    site.answers["/feed"] = say(evil.replace("content:encoded", "x"))
    assert "root:" not in str(texts(site))


def test_a_damaged_feed_gives_what_it_can(site: Site) -> None:
    site.answers["/feed"] = say(RSS.replace("Short.", "a & b").replace("</channel></rss>", ""))
    assert len(texts(site)) == 2


@pytest.mark.parametrize("body", ["", "<html><body>no</body></html>", "words", "{}"])
def test_what_is_no_feed_is_an_error(site: Site, body: str) -> None:
    site.answers["/feed"] = say(body)
    with pytest.raises(SourceError, match="no RSS or Atom feed"):
        list(source(site).items())


def test_an_entry_that_is_gone_is_an_error(site: Site) -> None:
    site.answers["/feed"] = say(RSS)
    with pytest.raises(SourceError, match="no longer holds"):
        source(site).load(Item("feed+http://x!/1", ""))
    site.answers["/feed"] = say("", 500)
    with pytest.raises(SourceError, match="500"):
        list(source(site).items())


def test_an_argument_begins_with_feed(site: Site) -> None:
    site.answers["/feed"] = say(RSS)
    assert FeedSource.accepts("feed+https://x/feed")
    assert not FeedSource.accepts("https://x/feed")
    opened = FeedSource.open(f"feed+{site.url}/feed#allow_private=1", max_bytes=10_000)
    assert len(list(opened.items())) == 2


def test_a_later_process_asks_only_whether_the_feed_changed(site: Site) -> None:
    site.answers["/feed"] = say(RSS, ETag='"1"')
    first = source(site)
    items = list(first.items())
    later = source(site)
    later.recall(first.memory())
    assert list(later.items()) == items
    assert site.seen[-1][1]["If-None-Match"] == '"1"'
    assert later.load(items[0]).data == first.load(items[0]).data
    later.recall("damaged")
    assert list(later.items()) == items
