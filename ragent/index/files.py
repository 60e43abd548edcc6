"""Files that are whole or absent, and the lock that lets one process at a time change them."""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = ".tmp"
_POLL_SECONDS = 0.02


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary beside `path`; after the block it is on the disk and takes the place of `path`.

    Readers see the old file or the new one, never a part. When the block raises, nothing changes.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{_TEMPORARY}")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync(path.parent)


def sweep(folder: Path) -> None:
    """Delete the temporaries of killed processes. Only under the folder's lock: all are stray then."""
    for stray in folder.glob(f".*{_TEMPORARY}"):
        stray.unlink(missing_ok=True)


@contextmanager
def folder_lock(folder: Path, patience: float, name: str = "lock") -> Iterator[None]:
    """Hold a lock of the folder, one holder at a time among all threads and processes.

    The operating system frees it when its holder dies. Makes the folder if need be.

    Raises:
        TimeoutError: another held it for all of `patience` seconds.
        OSError: the folder can't be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(descriptor, folder, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, folder: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"another process is busy in {folder}") from None
            time.sleep(_POLL_SECONDS)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
