from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from ragent import registry
from ragent.errors import ParseError
from ragent.ingest.unpacking import unpack
from ragent.types import Document, Failure, RawDocument, UnpackLimits


class Bag:
    """`bag:` and its members, between commas; `mail:` is a document as well."""

    is_document = False
    word = b"bag:"

    def accepts(self, raw: RawDocument) -> float:
        if b"trap" in raw.data:
            raise ValueError("a trap")
        return 0.5 if raw.data.startswith(self.word) else 0.0

    def members(self, raw: RawDocument, limits: UnpackLimits) -> Iterator[RawDocument | Failure]:
        for number, data in enumerate(raw.data.removeprefix(self.word).split(b",")):
            if data == b"bug":
                raise KeyError("bug")
            if data == b"damaged":
                raise ParseError("it is damaged", hint="get a whole copy")
            if data:
                yield RawDocument(f"{raw.uri}!/{number}", str(number), data.replace(b";", b","))


class Mail(Bag):
    is_document = True
    word = b"mail:"


class Surer:
    def accepts(self, raw: RawDocument) -> float:
        return 0.9 if b"office" in raw.data else 0.1

    def parse(self, raw: RawDocument) -> Document:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def only_these() -> Iterator[None]:
    groups = {"ragent.containers": {"bag": Bag, "mail": Mail}, "ragent.parsers": {"surer": Surer}}
    with patch.object(registry, "load_all", groups.__getitem__):
        yield


def opened(data: bytes, **limits: int) -> list[tuple[str, bytes | str]]:
    found = unpack(RawDocument("x", "x", data), UnpackLimits(**limits))
    return [(m.uri, m.data if isinstance(m, RawDocument) else m.error) for m in found]


def test_a_container_is_its_members() -> None:
    assert opened(b"bag:a,b") == [("x!/0", b"a"), ("x!/1", b"b")]
    assert opened(b"bag:") == []


def test_a_document_that_holds_others_comes_first() -> None:
    assert opened(b"mail:a") == [("x", b"mail:a"), ("x!/0", b"a")]


def test_a_surer_parser_keeps_it_whole() -> None:
    assert opened(b"bag:office,b") == [("x", b"bag:office,b")]


def test_whatever_a_container_raises_is_a_failure_that_stops_no_other() -> None:
    assert opened(b"bag:bag:a;bug;b,c") == [
        ("x!/0!/0", b"a"),
        ("x!/0", "it can't be unpacked, it is damaged: KeyError: 'bug'"),
        ("x!/1", b"c"),
    ]
    assert opened(b"bag:damaged") == [("x", "it is damaged (get a whole copy)")]
    assert opened(b"bag:trap") == [("x", b"bag:trap")]


def test_what_lies_too_deep_is_told_but_an_empty_mail_is_just_a_mail() -> None:
    assert opened(b"bag:mail:,mail:a,bag:a", depth=1) == [
        ("x!/0", b"mail:"),
        ("x!/1", b"mail:a"),
        ("x!/1", "it is nested more than 1 deep: unpack it first"),
        ("x!/2", "it is nested more than 1 deep: unpack it first"),
    ]


def test_members_are_read_one_at_a_time() -> None:
    found = unpack(RawDocument("x", "x", b"bag:a,bug"))
    assert next(found) == RawDocument("x!/0", "0", b"a")


def test_the_bytes_of_all_levels_count() -> None:
    assert opened(b"bag:bag:aaaa;bbbb,cccc,dddd", total_bytes=20)[-1] == (
        "x",
        "it unpacks to more than 0 MB: unpack what you need of it",
    )
