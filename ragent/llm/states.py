"""Keys and values of prompts that were read, on disk, so that a restart need not read them again.

A file holds a checksum, a key, the tokens and the state, and is written beside and renamed. The key names the
model and all that the numbers depend on. The tokens are those of retrieved text: `forget_states` removes
them.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import struct
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_LOG = logging.getLogger("ragent.llm")
_HEAD = struct.Struct("<32s32sI")
_WORTH = 128


class States:
    """The states in one folder that belong to one key. Several processes may use it at once."""

    def __init__(self, folder: Path, key: bytes, limit: int) -> None:
        """`folder` needn't exist; `key` has 32 bytes; `limit` is in bytes, states of other keys included."""
        self._root = folder
        self._key = key
        self._limit = limit
        self._known: dict[Path, tuple[int, ...]] = {}

    def era(self) -> Path | None:
        """The folder for what is read from now on; another one after `forget_states`. None: can't be made."""
        try:
            if not self._eras():
                (self._root / uuid.uuid4().hex).mkdir(parents=True, mode=0o700)
            return min(self._eras(), default=None)
        except OSError as error:
            _LOG.warning("no prompts are kept on disk: %s", error)
            return None

    def find(self, prompt: Sequence[int]) -> tuple[Path | None, int]:
        """The file with the most tokens in common with the prompt, from the start, and how many they are."""
        try:
            self._look()
        except OSError:  # of a folder that is being removed
            self._known = {}
        shared = {path: _shared(tokens, prompt) for path, tokens in self._known.items()}
        best = max(shared, key=shared.__getitem__, default=None)
        return best, shared[best] if best else 0

    def load(self, path: Path) -> tuple[list[int], NDArray[np.uint8]] | None:
        """Tokens and state of a file. None if it is gone or damaged: then it is removed."""
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        if data[:32] != _digest(data[32:]):
            _LOG.warning("%s is damaged: removed", path)
            path.unlink(missing_ok=True)
            return None
        _, _, count = _HEAD.unpack_from(data)
        start = _HEAD.size + 4 * count
        tokens = np.frombuffer(data, "<i4", count, _HEAD.size).tolist()
        return tokens, np.frombuffer(data, np.uint8, offset=start).copy()

    def is_worth(self, tokens: Sequence[int]) -> bool:
        """Whether so much of the tokens isn't on disk yet that they should be saved."""
        return len(tokens) - self.find(tokens)[1] >= _WORTH

    def save(self, era: Path, tokens: Sequence[int], state: NDArray[np.uint8]) -> None:
        """Write a state down, unless its era is over; those that were used longest ago give way."""
        head = struct.pack("<32sI", self._key, len(tokens))
        body = head + np.array(tokens, "<i4").tobytes() + state.tobytes()
        if len(body) + 32 > self._limit:
            return  # it would have to be removed at once
        path = era / f"{self._key.hex()[:16]}-{uuid.uuid4().hex}.state"
        beside = path.with_suffix(".new")
        try:
            # Fails, and must, when the folder is gone because its texts were to be forgotten.
            with beside.open("xb") as file:
                file.write(_digest(body) + body)
            beside.replace(path)
        except OSError as error:
            _LOG.info("%s was not kept: %s", path, error)
            with suppress(OSError):
                beside.unlink()
            return
        with suppress(OSError):
            for old, held in self._known.items():
                if _shared(held, tokens) == len(held):
                    old.unlink(missing_ok=True)
            self._shrink(era)

    def _eras(self) -> list[Path]:
        return [path for path in self._root.iterdir() if path.is_dir()] if self._root.is_dir() else []

    def _look(self) -> None:
        """Learn what other processes wrote and removed."""
        here = {path for era in self._eras() for path in era.glob(f"{self._key.hex()[:16]}-*.state")}
        for gone in self._known.keys() - here:
            del self._known[gone]
        for new in here - self._known.keys():
            with suppress(OSError, struct.error, ValueError), new.open("rb") as file:
                _, key, count = _HEAD.unpack(file.read(_HEAD.size))
                if key == self._key:
                    self._known[new] = tuple(np.frombuffer(file.read(4 * count), "<i4", count).tolist())

    def _shrink(self, era: Path) -> None:
        files = []
        for path in era.iterdir():
            with suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        files.sort(reverse=True)
        total = 0
        for _, size, path in files:
            total += size
            if total > self._limit:
                path.unlink(missing_ok=True)


def states_folder(home: Path) -> Path:
    """Where a home keeps the states."""
    return home / "cache" / "states"


def forget_states(home: Path) -> None:
    """Remove all states of a home; what other processes have read before is not written down later either."""
    folder = states_folder(home)
    away = folder.with_name(f"forgotten-{uuid.uuid4().hex}")
    # Renamed first, so that nothing can be written into it while it is being emptied.
    with suppress(FileNotFoundError):
        folder.replace(away)
    for rest in folder.parent.glob("forgotten-*"):
        shutil.rmtree(rest)


def fingerprint(path: Path, parameters: object) -> bytes:
    """What to key states by, 32 bytes: it changes with the model file, or the `repr` of the parameters.

    Of the file, size, time of change and 64 samples are looked at: hashing all of it takes longer than
    reading most prompts.
    """
    status = path.stat()
    digest = hashlib.blake2b(f"{status.st_size} {status.st_mtime_ns} {parameters!r}".encode(), digest_size=32)
    with path.open("rb") as file:
        for sample in range(64):
            file.seek(status.st_size * sample // 64)
            digest.update(file.read(4096))
    return digest.digest()


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    size = min(len(one), len(other))
    unequal = np.flatnonzero(np.array(one[:size]) != np.array(other[:size]))
    return int(unequal[0]) if len(unequal) else size
