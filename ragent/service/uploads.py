"""Files that people upload: kept in the home, by collection, under names that can't lead anywhere else."""

from __future__ import annotations

import hashlib
import os
import tempfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from ragent import registry
from ragent.errors import SourceError, TooMuch
from ragent.protocols import Container
from ragent.rag.forgetting import UPLOADS as UPLOADS
from ragent.types import Failure, RawDocument, UnpackLimits

_SURE = 0.5
_LONGEST_NAME = 150
_UNSAFE = frozenset('<>:"/\\|?*\0')


def folder_of(home: Path, collection: str) -> Path:
    """Where a collection's uploads are. Its name says nothing of the file system: it is a digest."""
    digest = hashlib.sha256(collection.encode()).hexdigest()[:16]
    return home / UPLOADS / digest


def keep(home: Path, collection: str, name: str, pieces: Iterable[bytes], most: int) -> Path:
    """Write an upload, whole or not at all; one of the same name is replaced.

    Args:
        home: the home.
        collection: for which collection.
        name: what the user calls it, of which only the last part of a path counts.
        pieces: its bytes.
        most: how many there may be.

    Raises:
        TooMuch: there are more.
        SourceError: the name can't be a file's.
    """
    folder = folder_of(home, collection)
    path = folder / safe_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            size = 0
            for piece in pieces:
                size += len(piece)
                if size > most:
                    raise TooMuch(f"{name!r} is larger than {most / 2**20:g} MB", hint="[server] upload_mb")
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def unpack(path: Path, limits: UnpackLimits) -> tuple[Path, list[Failure]]:
    """Put the files of an uploaded archive into a folder beside it, and remove it: what they are asked for.

    Another file is left as it is. What can't be unpacked is told of, as are names that lead elsewhere.

    Raises:
        ParseError: the archive is damaged.
        SourceError: a file has the name of that folder.
    """
    raw = RawDocument(path.as_uri(), path.name, path.read_bytes())
    container: Container = registry.load("ragent.containers", "zip")()
    if container.accepts(raw) < _SURE:
        return path, []
    folder = path.with_name(f"{path.stem}.files")
    if folder.is_file():
        raise SourceError(f"a file is called {folder.name!r} already", hint="give the archive another name")
    folder.mkdir(exist_ok=True)
    failed = []
    for member in container.members(raw, limits):
        if isinstance(member, Failure):
            failed.append(member)
            continue
        inside = unquote(member.uri.partition("!/")[2])
        try:
            target = folder.joinpath(*(safe_name(part) for part in inside.split("/")))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(member.data)
        except SourceError as error:
            failed.append(Failure(member.uri, error.message))
        except OSError as error:  # a folder has the name, or the path is longer than the system takes
            failed.append(Failure(member.uri, f"it can't be kept under this name: {error.strerror}"))
    path.unlink()
    return folder, failed


def safe_name(name: str) -> str:
    """A file name that stays in its folder on any system. Raises SourceError where nothing is left of it."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join("_" if char in _UNSAFE or unicodedata.category(char)[0] == "C" else char for char in last)
    kept = kept.strip(" .")
    if not kept:
        raise SourceError(f"{name!r} can't be a file's name", hint="letters, digits, - and _")
    stem, dot, suffix = kept.rpartition(".")
    if len(kept.encode()) <= _LONGEST_NAME:
        return kept
    ending = f".{suffix}" if dot and len(suffix.encode()) < 20 else ""
    body = stem if ending else kept
    return body.encode()[: _LONGEST_NAME - len(ending.encode())].decode("utf-8", "ignore") + ending


def is_upload(home: Path, collection: str, path: Path) -> bool:
    """Whether a file or folder is there, and lies among a collection's uploads, links followed.

    What isn't there is none: `/etc#exclude=/../../HOME/uploads/x` only looks like one.
    """
    try:
        return path.resolve(strict=True).is_relative_to(folder_of(home, collection).resolve())
    except (OSError, ValueError):
        return False
