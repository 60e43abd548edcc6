from __future__ import annotations

import pytest

from ragent_connectors.sources.robots import RobotRules, read_robots

SITE = "https://x.example"


def allowed(text: str, *paths: str, agent: str = "ragent") -> list[bool]:
    rules = read_robots(text, agent)
    return [rules.allows(SITE + path) for path in paths]


def test_the_longest_pattern_decides_whatever_the_order() -> None:
    text = "User-agent: *\nAllow: /\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c\nAllow: /a/b/c\n"
    assert allowed(text, "/", "/a", "/ax", "/a/b", "/a/b/c") == [True, False, False, True, True]


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("/*.pdf$", ["/a.pdf", "/a/b.pdf", "/.pdf"], ["/a.pdf?x=1", "/a.pdfx", "/pdf"]),
        ("/a*b*c", ["/abc", "/a1b2c3", "/abbc"], ["/acb", "/ab"]),
        ("/search?*q=", ["/search?q=1", "/search?a=1&q=2"], ["/search", "/search?a=1"]),
        ("/exact$", ["/exact"], ["/exactly", "/exact/"]),
        ("*/private", ["/private", "/a/private/b"], ["/priv"]),
        ("/caf%C3%A9", ["/café", "/caf%c3%a9"], ["/cafe"]),
        ("/a%7Eb", ["/a~b", "/a%7eb"], ["/a"]),
        ("/x%2Fy", ["/x%2fy"], ["/x/y"]),
        ("/" + "*a" * 40 + "$", ["/" + "a" * 40], ["/" + "a" * 5000 + "b"]),
    ],
)
def test_wildcards_and_encodings(pattern: str, fitting: list[str], others: list[str]) -> None:
    text = f"User-agent: *\nDisallow: {pattern}\n"
    assert allowed(text, *fitting) == [False] * len(fitting)
    assert allowed(text, *others) == [True] * len(others)


def test_the_group_of_the_agent_stands_before_that_of_all() -> None:
    text = """
        User-agent: *
        Disallow: /          # everybody else
        User-agent: other
        User-agent: RAGENT/2.0
        Disallow: /one
        Crawl-delay: 4
        Sitemap: https://x.example/map.xml
        User-agent: ragent
        Disallow: /two
    """
    assert allowed(text, "/one", "/two", "/three") == [False, False, True]
    assert allowed(text, "/one", "/two", "/three", agent="other") == [False, True, True]
    assert allowed(text, "/three", "/robots.txt", agent="third") == [False, True]
    assert read_robots(text, "ragent").delay == 4


def test_what_says_nothing_forbids_nothing() -> None:
    for text in ("", "Disallow: /", "User-agent: *\nDisallow:", "User-agent: other\nDisallow: /", "<html>"):
        assert allowed(text, "/a") == [True]
    assert RobotRules().allows(SITE)


def test_no_site_makes_us_wait_for_ever() -> None:
    texts = [f"User-agent: *\nCrawl-delay: {word}" for word in ("86400", "x", "-1")]
    assert [read_robots(text, "ragent").delay for text in texts] == [60, 0, 0]
