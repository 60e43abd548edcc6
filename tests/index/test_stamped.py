from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragent.config import IndexSettings
from ragent.errors import CorruptIndex
from ragent.index.building import build
from ragent.index.choosing import made_with
from ragent.index.dense import Dense
from ragent.index.stamped import Stamp, describe, load, save

SETTINGS = IndexSettings(lsh_bits=16)
WANTED = {"dimension": 4, "space": 1}
KINDS = ("flat", "hnsw", "hnsw_sq", "lsh", "rabitq", "ivf")
SHARED = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


def some(kind: str) -> Dense:
    index = Dense(4)
    index.add(np.arange(1, 6), np.eye(5, 4, dtype=np.float32))
    made = build(index, kind, SETTINGS, lambda done, total: None)
    made.remove(np.array([2]))
    return made


@pytest.fixture(scope="module", params=KINDS)
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "index"
    save(path, some(request.param), Stamp(made_with(4, 1, SETTINGS, request.param), 3, {"5": "00ff"}))
    return path.read_bytes()


def read(path: Path) -> None:
    load(path, WANTED)


def test_a_sound_file_says_what_it_holds(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "index"
    path.write_bytes(sound)
    described = describe(path, WANTED)
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
    for reader in (read, lambda path: describe(path, WANTED)):
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


@pytest.mark.parametrize("other", [{"dimension": 5}, {"space": 2}, {"kind": "pq"}], ids=str)
def test_made_with_other_parameters(tmp_path: Path, sound: bytes, other: dict[str, object]) -> None:
    path = tmp_path / "index"
    path.write_bytes(sound)
    with pytest.raises(CorruptIndex, match="other settings"):
        load(path, WANTED | other)


def test_what_was_mapped_stays_when_another_file_takes_its_place(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "index"
    path.write_bytes(sound)
    loaded = load(path, WANTED)
    (tmp_path / "other").write_bytes(b"another file")
    (tmp_path / "other").replace(path)
    scores, _ = loaded.native.search(np.eye(1, 4, dtype=np.float32), 1)
    assert scores[0, 0] == pytest.approx(1, abs=1e-3)


def test_the_width_of_a_search_needs_no_new_file() -> None:
    narrow, wide = (made_with(4, 1, IndexSettings(hnsw_ef_search=width), "hnsw") for width in (16, 256))
    assert narrow == wide
    assert narrow != made_with(4, 1, IndexSettings(hnsw_m=8), "hnsw")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nothing")


def test_a_save_that_fails_leaves_the_old_file(
    tmp_path: Path, sound: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "index"
    path.write_bytes(sound)

    def full(native: object, to: str) -> None:
        Path(to).write_bytes(b"half")
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(faiss, "write_index", full)
    with pytest.raises(OSError, match="disk is full"):
        save(path, some("flat"), Stamp({}, 4, {}))
    assert path.read_bytes() == sound
    assert [found.name for found in tmp_path.iterdir()] == ["index"]


def test_what_is_not_built_is_not_saved(tmp_path: Path) -> None:
    index = some("flat")
    index.add(np.array([9]), np.eye(1, 4, dtype=np.float32))
    with pytest.raises(ValueError, match="only what is built"):
        save(tmp_path / "index", index, Stamp({}, 4, {}))
