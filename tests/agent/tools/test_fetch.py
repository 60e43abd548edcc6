from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragent.agent import Tool, ToolContext, open_tools
from ragent.config import ToolSettings
from ragent.errors import ConfigError, ToolError
from tests.serving import Site, say, serving


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


def opened(**settings: object) -> Tool:
    return open_tools(["fetch"], ToolContext(settings=ToolSettings.model_validate(settings)))[0]


def local(**more: object) -> Tool:
    return opened(fetch_hosts=("127.0.0.1",), fetch_private=True, **more)


def fetch(tool: Tool, url: str, **more: int) -> str:
    result = tool.run({"url": url, **more})
    assert result.tainted
    return result.text


def test_a_page_becomes_text(site: Site) -> None:
    page = (
        "<html><head><title>T</title><script>alert(1)</script></head><body><h1>Tides</h1><p>High at nine.</p>"
    )
    site.answers["/a"] = say(page, Content_Type="text/html")
    told = fetch(local(), f"{site.url}/a")
    assert "High at nine." in told
    assert "alert" not in told
    assert told.startswith(f"{site.url}/a, characters 0 to ")


def test_text_and_json_are_shown_as_they_are(site: Site) -> None:
    site.answers["/a.json"] = say(b'{"a": "\xe9"}', Content_Type="application/json; charset=latin-1")
    assert fetch(local(), f"{site.url}/a.json").endswith('{"a": "é"}')


def test_a_long_page_is_read_in_parts(site: Site) -> None:
    site.answers["/a"] = say("".join(f"{n:09d} " for n in range(100)), Content_Type="text/plain")
    tool = local(result_chars=500)
    first = fetch(tool, f"{site.url}/a")
    assert first.endswith("[500 more characters were left out; go on with start=500]")
    assert "000000050" in fetch(tool, f"{site.url}/a", start=500)
    with pytest.raises(ToolError, match="characters 0 to 1000"):
        fetch(tool, f"{site.url}/a", start=1000)


def test_it_has_side_effects_unless_the_hosts_are_named() -> None:
    assert opened().side_effects
    assert not opened(fetch_hosts=("example.org",)).side_effects


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
    ],
)
def test_private_addresses_are_refused(site: Site, host: str) -> None:
    port = site.url.rpartition(":")[2]
    with pytest.raises(ToolError):
        fetch(opened(), f"http://{host}:{port}/a")
    assert site.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://evil.example/?127.0.0.1",
        "http://[",
        "",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "javascript:1",
        "http://127.0.0.1/" + "a" * 5000,
        "http://127.0.0.1:99999/",
        "http://\ud800.example/",
        "\0",
    ],
)
def test_other_hosts_and_schemes_are_refused(url: str) -> None:
    with pytest.raises(ToolError):
        fetch(local(), url)


def test_a_redirect_to_another_host_is_not_followed(site: Site) -> None:
    site.answers["/a"] = say("", 302, Location="http://localhost:1/b")
    with pytest.raises(ToolError, match="redirects to a host"):
        fetch(local(), f"{site.url}/a")


def test_a_redirect_within_the_hosts_is_followed(site: Site) -> None:
    site.answers["/a"] = say("", 302, Location="/b")
    site.answers["/b"] = say("there", Content_Type="text/plain")
    assert fetch(local(), f"{site.url}/a").endswith("there")


def test_failures_are_tool_errors(site: Site) -> None:
    site.answers["/binary"] = say(b"\0\1", Content_Type="application/pdf")
    site.answers["/empty"] = say("", Content_Type="text/plain")
    site.answers["/script"] = say("<html><script>1</script></html>", Content_Type="text/html")
    site.answers["/large"] = say("a" * 20_000, Content_Type="text/plain")
    site.answers["/nested"] = say("<div>" * 20_000, Content_Type="text/html")
    tool = local(fetch_max_mb=0.15)
    for path, told in (
        ("gone", "status 404"),
        ("binary", "no page or text"),
        ("empty", "empty"),
        ("script", "can't be read"),
        ("nested", "can't be read"),
    ):
        with pytest.raises(ToolError, match=told):
            fetch(tool, f"{site.url}/{path}")
    with pytest.raises(ToolError) as caught:
        fetch(tool, f"{site.url}/binary")
    assert caught.value.tainted
    with pytest.raises(ToolError, match="over the limit"):
        fetch(local(fetch_max_mb=0.01), f"{site.url}/large")


def test_private_hosts_must_be_named() -> None:
    with pytest.raises(ConfigError, match="fetch_hosts"):
        opened(fetch_private=True)
