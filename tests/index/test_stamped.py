from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragent.config import IndexSettings
from ragent.errors import CorruptIndex
from ragent.index.dense import load_dense, made_with, make_dense
from ragent.index.stamped import Stamp, describe, save

FLAT = IndexSettings(kind="flat")
MADE = made_with(4, 1, FLAT)
SHARED = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "index"
    index = make_dense(4, FLAT)
    index.add(np.arange(1, 6), np.eye(5, 4, dtype=np.float32))
    index.remove(np.array([2]))
    save(path, index, Stamp(MADE, 3, {"5": "00ff"}))
    return path.read_bytes()


def read(path: Path) -> None:
    load_dense(path, FLAT, MADE)


def test_a_sound_file_says_what_it_holds(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "index"
    path.write_bytes(sound)
    described = describe(path, MADE)
    assert (described.count, described.dead, described.stamp.generation) == (5, 1, 3)


def test_faiss_reads_the_file_by_itself(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "index"
    path.write_bytes(sound)
    assert faiss.read_index(str(path)).ntotal == 5


def test_cut_short_anywhere(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "index"
    for length in range(len(sound)):
        path.write_bytes(sound[:length])
        with pytest.raises(CorruptIndex):
            read(path)


@SHARED
@given(st.data())
def test_a_flipped_bit_anywhere(tmp_path: Path, sound: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, 8 * len(sound) - 1))
    flipped = bytearray(sound)
    flipped[position // 8] ^= 1 << position % 8
    path = tmp_path / "index"
    path.write_bytes(flipped)
    for reader in (read, lambda path: describe(path, MADE)):
        with pytest.raises(CorruptIndex):
            reader(path)


@SHARED
@given(st.binary(max_size=300))
def test_foreign_bytes(tmp_path: Path, sound: bytes, foreign: bytes) -> None:
    path = tmp_path / "index"
    for content in (foreign, foreign + sound[-48:], sound + foreign + b"x"):
        path.write_bytes(content)
        with pytest.raises(CorruptIndex):
            read(path)


@pytest.mark.parametrize(
    "other",
    [
        made_with(5, 1, FLAT),
        made_with(4, 2, FLAT),
        made_with(4, 1, IndexSettings(kind="hnsw")),
    ],
    ids=["dimension", "space", "kind"],
)
def test_made_with_other_parameters(tmp_path: Path, sound: bytes, other: dict[str, object]) -> None:
    path = tmp_path / "index"
    path.write_bytes(sound)
    with pytest.raises(CorruptIndex, match="other settings"):
        load_dense(path, FLAT, other)


def test_the_width_of_a_search_needs_no_new_file() -> None:
    narrow, wide = (made_with(4, 1, IndexSettings(hnsw_ef_search=width)) for width in (16, 256))
    assert narrow == wide
    assert narrow != made_with(4, 1, IndexSettings(hnsw_m=8))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nothing")


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "index"
    path.write_bytes(sound)

    class Broken:
        ids = dead = np.empty(0, np.int64)

        def dump(self, path: Path) -> None:
            path.write_bytes(b"half")
            raise RuntimeError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        save(path, Broken(), Stamp(MADE, 4, {}))  # type: ignore[arg-type]
    assert path.read_bytes() == sound
    assert [found.name for found in tmp_path.iterdir()] == ["index"]
