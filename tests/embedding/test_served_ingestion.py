"""Documents that are embedded elsewhere, while that fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragent.errors import ServerError
from ragent.rag import Rag
from tests.embedding.words import WELL, listing
from tests.served.wire import Wire, cut, reset, wired

EMBED = "/v1/embeddings"
DOCUMENTS = {f"{n}.txt": f"Berth {n} is for ship {n * 7}.\n" for n in range(24)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def one() -> Iterator[Wire]:
    with wired(models=listing(), embeddings=WELL) as wire:
        yield wire


@pytest.fixture
def two() -> Iterator[Wire]:
    with wired(models=listing(), embeddings=WELL) as wire:
        yield wire


def opened(home: Path, tokenizer: Path, *wires: Wire) -> Rag:
    embedder: dict[str, Any] = {"tokenizer": str(tokenizer), "max_tokens": 64, "batch": 2, "attempts": 1}
    embedder["url"] = [wire.url for wire in wires]
    chunking = {"context": False}
    return Rag.open(home, embedder=embedder, chunking=chunking, ingest={"batch_chunks": 6, "readers": 1})


def check(rag: Rag) -> None:
    """Every document is there once, with the vector of its text."""
    assert rag.fsck() == []
    hits = [hit for text in DOCUMENTS.values() for hit in rag.search(text, k=1, mode="dense").hits]
    assert sorted(hit.text.strip() for hit in hits) == sorted(text.strip() for text in DOCUMENTS.values())
    assert len({hit.chunk_id for hit in hits}) == len(DOCUMENTS)
    assert min(hit.score for hit in hits) > 0.99


@pytest.mark.parametrize("end", [reset, cut])
def test_one_of_two_servers_dies_midway(
    folder: Path, tmp_path: Path, word_tokenizer: Path, one: Wire, two: Wire, end: Any
) -> None:
    one.acts[EMBED] = [WELL, WELL, WELL, WELL, end]
    with opened(tmp_path / "home", word_tokenizer, one, two) as rag:
        report = rag.ingest(folder)
        assert (report.added, report.failed) == (len(DOCUMENTS), ())
        assert len(one.bodies(EMBED)) > 4
        check(rag)


def test_the_only_server_dies_midway_and_the_next_run_goes_on(
    folder: Path, tmp_path: Path, word_tokenizer: Path, one: Wire, two: Wire
) -> None:
    one.acts[EMBED] = [*[WELL] * 7, reset]
    with (
        opened(tmp_path / "home", word_tokenizer, one) as rag,
        pytest.raises(ServerError, match="can't reach"),
    ):
        rag.ingest(folder)
    with opened(tmp_path / "home", word_tokenizer, two) as rag:
        report = rag.ingest(folder)
        assert 0 < report.unchanged < len(DOCUMENTS)
        assert report.unchanged + report.added == len(DOCUMENTS)
        check(rag)
