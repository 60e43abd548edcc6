from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from ragent.errors import SourceError
from ragent.web import Fetcher, WebLimits, checked_addresses, is_public, resolve
from tests.serving import Site, say, serving

CLOSED = [
    *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "::127.0.0.1", "64:ff9b:1::a00:1"),
    *(
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "224.0.0.1",
        "ff02::1",
    ),
    *("255.255.255.255", "240.0.0.1", "not an address"),
]


@pytest.mark.parametrize("address", CLOSED)
def test_an_address_of_this_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "::ffff:8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "::1", "0"]
)
def test_however_loopback_is_written_it_is_refused(host: str) -> None:
    with pytest.raises(SourceError, match="private address"):
        checked_addresses(host, 80, allow_private=False)


def test_one_private_address_among_public_ones_is_enough() -> None:
    with pytest.raises(SourceError, match=r"10\.0\.0\.1 is a private"):
        checked_addresses("x", 80, allow_private=False, resolver=lambda *_: ["8.8.8.8", "10.0.0.1"])
    assert checked_addresses("x", 80, allow_private=False, resolver=lambda *_: ["8.8.8.8"]) == ["8.8.8.8"]


@pytest.fixture
def server() -> Iterator[Site]:
    with serving() as site:
        yield site


LOCAL = Fetcher(WebLimits(max_bytes=100_000, seconds=5, allow_private=True))


def test_a_page_is_fetched_with_its_headers(server: Site) -> None:
    base = server.url
    server.answers["/a?b=c"] = say(b"words", ETag='"1"')
    fetched = LOCAL.get(f"{base}/a?b=c#part")
    assert (fetched.status, fetched.data, fetched.headers["etag"]) == (200, b"words", '"1"')
    assert fetched.url == f"{base}/a?b=c"
    assert [(path, sent["host"]) for path, sent in server.seen] == [("/a?b=c", base.removeprefix("http://"))]


def test_without_leave_no_connection_is_made(server: Site) -> None:
    base = server.url
    with pytest.raises(SourceError, match=r"private address\n.*allow_private"):
        Fetcher().get(base)
    assert server.seen == []


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest", "http://[::1]/", "http://0.0.0.0/", "http://127.0.0.2/"]
)
def test_a_redirect_to_a_private_address_is_refused(
    server: Site, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    base = server.url
    server.answers["/"] = say(b"", 302, Location=target)
    # For this test, the address of the test's own server counts as public; every other is judged as ever.
    monkeypatch.setattr("ragent.web.is_public", lambda address: address == "127.0.0.1" or is_public(address))
    port = int(base.rpartition(":")[2])

    def resolver(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if host == "outside.example" else resolve(host, port)

    with pytest.raises(SourceError, match="refused to connect"):
        Fetcher(WebLimits(seconds=5), resolver=resolver).get(f"http://outside.example:{port}/")
    assert server.paths == ["/"]


def test_a_name_that_changes_its_address_is_resolved_once(server: Site) -> None:
    base = server.url
    server.answers["/"] = say(b"words")
    replies = [["127.0.0.1"], ["192.0.2.1"]]
    fetcher = Fetcher(LOCAL.limits, resolver=lambda *_: replies.pop(0))
    assert fetcher.get(base.replace("127.0.0.1", "rebinding.example")).data == b"words"
    assert replies == [["192.0.2.1"]]


def test_the_host_header_names_the_host_not_the_address(server: Site) -> None:
    base = server.url
    server.answers["/"] = say(b"words")
    url = base.replace("127.0.0.1", "harbour.example")
    Fetcher(LOCAL.limits, resolver=lambda *_: ["127.0.0.1"]).get(url)
    assert [sent["host"] for _, sent in server.seen] == [url.removeprefix("http://")]


def test_the_next_address_is_tried_when_one_is_dead(server: Site) -> None:
    base = server.url
    server.answers["/"] = say(b"words")
    port = int(base.rpartition(":")[2])
    fetcher = Fetcher(LOCAL.limits, resolver=lambda *_: ["127.0.0.2", "127.0.0.1"])
    assert fetcher.get(f"http://two.example:{port}/").data == b"words"


def test_redirects_are_followed_but_not_for_ever(server: Site) -> None:
    base = server.url
    server.answers["/a"] = say(b"", 301, Location="b")
    server.answers["/b"] = say(b"words")
    server.answers["/loop"] = say(b"", 302, Location="/loop")
    assert LOCAL.get(f"{base}/a").url == f"{base}/b"
    with pytest.raises(SourceError, match="redirects too often"):
        LOCAL.get(f"{base}/loop")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://x/", "gopher://x", "javascript:1"])
def test_a_redirect_to_another_scheme_is_refused(server: Site, target: str) -> None:
    base = server.url
    server.answers["/"] = say(b"", 302, Location=target)
    with pytest.raises(SourceError, match="no http or https URL"):
        LOCAL.get(base)


def test_what_is_too_large_is_refused_while_it_comes(server: Site) -> None:
    base = server.url
    server.answers["/large"] = say(bytes(100_001))
    server.answers["/bomb"] = say(gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")
    server.answers["/small"] = say(gzip.compress(b"words"), Content_Encoding="gzip")
    for path in ("/large", "/bomb"):
        with pytest.raises(SourceError, match="over the limit"):
            LOCAL.get(base + path)
    assert LOCAL.get(base + "/small").data == b"words"


@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"]
)
def test_a_server_that_drips_is_cut_off(sent: bytes) -> None:
    stopped = threading.Event()

    def drip(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(sent)
            while not stopped.wait(0.05):
                try:
                    connection.sendall(b"x" if sent.endswith(b"X: ") else b"")
                except OSError:
                    return

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=drip, args=(listening,))
        thread.start()
        fetcher = Fetcher(WebLimits(seconds=0.3, allow_private=True))
        try:
            with pytest.raises(SourceError, match="took too long"):
                fetcher.get(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        finally:
            stopped.set()
            thread.join()


def test_nobody_listening_is_an_error_in_words() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(SourceError, match="check the URL and the network"):
        LOCAL.get(f"http://127.0.0.1:{port}/")


def test_a_host_that_does_not_exist_is_an_error_in_words() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(SourceError, match=r"can't find the host nowhere\.example"):
        Fetcher(resolver=unknown).get("http://nowhere.example/")
