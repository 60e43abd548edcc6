"""The file of a dense index: FAISS's own bytes, then what tells whether they can be trusted.

Layout, integers little-endian::

    FAISS bytes | ids int64[n] | dead ids int64[m] | footer, JSON | footer length u64 | xxh3-128 | magic

The FAISS bytes come first, so that FAISS can map the file by itself. The checksum covers everything before
it, and is compared at every opening: xxh3 reads gigabytes a second, and a damaged graph could lead FAISS out
of its memory. The footer holds what the index was made with (part of which must equal what the reader wants),
the generation of the store that it shows, and the sizes n and m.

A file is never changed in place, only replaced: who has the old one mapped keeps it.
"""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import faiss
import numpy as np
import xxhash

from ragent.errors import CorruptIndex
from ragent.index.dense import Dense
from ragent.index.files import replacing
from ragent.index.labels import Labels

_MAGIC = b"ragentD1"
_TRAILER = struct.Struct("<Q16s8s")
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an index file says of itself.

    Attributes:
        made_with: kind, parameters, dimension, space.
        generation: the commit of the store that the file shows.
        witness: checksums of a few stored vectors, by which a file of another database is known.
    """

    made_with: Mapping[str, Any]
    generation: int
    witness: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read from a file: FAISS's index, the ids of its positions, and the stamp."""

    native: Any
    labels: Labels
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Described:
    """The stamp of a sound file, and how many ids it holds, the dead ones included."""

    stamp: Stamp
    count: int
    dead: int


def save(path: Path, index: Dense, stamp: Stamp) -> None:
    """Write an index, whose tail must be empty, to `path` in one step.

    Raises:
        OSError: the disk doesn't take it.
    """
    if index.engine is None or index.tail_count:
        raise ValueError("only what is built can be saved")
    ids, dead = index.ids.astype("<i8"), index.dead.astype("<i8")
    footer = {
        "made_with": dict(stamp.made_with),
        "generation": stamp.generation,
        "witness": dict(stamp.witness),
        "ids": len(ids),
        "dead": len(dead),
    }
    with replacing(path) as temporary:
        _dump(index.engine.native, temporary)
        with temporary.open("r+b") as file:
            checksum = _checksum_of(file)
            text = json.dumps(footer).encode()
            for part in (ids.tobytes(), dead.tobytes(), text, struct.pack("<Q", len(text))):
                checksum.update(part)
                file.write(part)
            file.write(checksum.digest() + _MAGIC)


def load(path: Path, wanted: Mapping[str, Any], *, mapped: bool = True) -> Loaded:
    """Read an index file, all of it checked first.

    Args:
        path: The file.
        wanted: What it must have been made with, in part.
        mapped: Leave the vectors in the file. FAISS then can't add any.

    Raises:
        FileNotFoundError: there is none.
        CorruptIndex: it is damaged, or made with something else than `wanted`.
    """
    with path.open("rb") as file:
        try:
            with _mapped(file) as view:
                described, ids_at = _verify(view, path, wanted)
                count = described.count
                ids = np.frombuffer(view[ids_at : ids_at + 8 * (count + described.dead)], dtype="<i8")
            native = _read_native(file, mapped)
        except (ValueError, KeyError, TypeError, RuntimeError) as error:
            _refuse(path, f"unreadable ({error})")
    if native.ntotal != count or native.d != described.stamp.made_with["dimension"]:
        _refuse(path, "its vectors and ids don't agree")
    return Loaded(native, Labels(ids[:count], ids[count:]), described.stamp)


def describe(path: Path, wanted: Mapping[str, Any]) -> Described:
    """Check a file without loading its vectors. Raises as `load` does."""
    with path.open("rb") as file:
        try:
            with _mapped(file) as view:
                return _verify(view, path, wanted)[0]
        except (ValueError, KeyError, TypeError) as error:
            _refuse(path, f"unreadable ({error})")


def _mapped(file: BinaryIO) -> mmap.mmap:
    # mmap refuses an empty file with ValueError.
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _verify(view: mmap.mmap, path: Path, wanted: Mapping[str, Any]) -> tuple[Described, int]:
    """What the file says of itself, and where its ids begin."""
    if len(view) < _TRAILER.size:
        _refuse(path, "cut short")
    length, checksum, magic = _TRAILER.unpack(view[-_TRAILER.size :])
    if magic != _MAGIC:
        _refuse(path, "not an index file of this version")
    with memoryview(view) as whole, whole[: -len(checksum + magic)] as covered:
        if xxhash.xxh3_128_digest(covered) != checksum:
            _refuse(path, "its checksum doesn't match")
    footer_at = len(view) - _TRAILER.size - length
    footer = json.loads(view[footer_at : footer_at + length])
    if not dict(wanted).items() <= footer["made_with"].items():
        _refuse(path, "made with other settings")
    stamp = Stamp(footer["made_with"], footer["generation"], footer["witness"])
    described = Described(stamp, footer["ids"], footer["dead"])
    return described, footer_at - 8 * (described.count + described.dead)


def _read_native(file: BinaryIO, mapped: bool) -> Any:
    # Through the file that was checked, not its path: another process may have swapped in another one since.
    return faiss.read_index(f"/dev/fd/{file.fileno()}", faiss.IO_FLAG_MMAP_IFC if mapped else 0)


def _dump(native: Any, path: Path) -> None:
    try:
        faiss.write_index(native, str(path))
    except RuntimeError as error:
        raise OSError(f"FAISS can't write {path}: {error}") from error


def _checksum_of(file: BinaryIO) -> xxhash.xxh3_128:
    checksum = xxhash.xxh3_128()
    while block := file.read(_READ_BYTES):
        checksum.update(block)
    return checksum


def _refuse(path: Path, reason: str) -> NoReturn:
    raise CorruptIndex(f"index file {path}: {reason}", hint="ragent index rebuild")
