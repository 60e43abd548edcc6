from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from ragent import registry
from ragent.errors import ParseError
from ragent.ingest import parse
from ragent.types import Document, RawDocument


class Sure:
    def accepts(self, raw: RawDocument) -> float:
        return 1.0 if raw.data.startswith(b"!") else 0.0

    def parse(self, raw: RawDocument) -> Document:
        if b"recursion" in raw.data:
            return self.parse(raw)
        if b"bug" in raw.data:
            raise KeyError("bug")
        return Document(raw.uri, raw.name, raw.data.decode("utf-8", "surrogateescape"), "text/x-sure")


@pytest.fixture(autouse=True)
def only_sure() -> Iterator[None]:
    with patch.object(registry, "load_all", lambda group: {"sure": Sure}):
        yield


def raw(data: bytes) -> RawDocument:
    return RawDocument("file:///x.foo", "x.foo", data)


def test_the_surest_parser_reads_it() -> None:
    assert parse(raw(b"!hello")).text == "!hello"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"hello", r"unknown format \(.foo\)\n  formats that can be read: sure"),
        (b"!bug", "the sure parser failed: KeyError"),
        (b"!recursion", "the sure parser failed: RecursionError"),
        (b"!\xff", "surrogate"),
    ],
)
def test_what_cannot_be_read_is_a_parse_error(data: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse(raw(data))
