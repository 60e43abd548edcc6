"""`ragent models pull`: a model by a known name, a URL, or its name on the Hugging Face hub."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import psutil  # type: ignore[import-untyped]

from ragent.errors import LLMError
from ragent.llm.download import Progress, Wanted, download_gguf
from ragent.llm.hub import download_repository
from ragent.llm.known import find_known
from ragent.served import Retries

_FILE = re.compile(r"[\w][\w.+-]*\.gguf", re.ASCII | re.IGNORECASE)
_REPOSITORY = re.compile(r"[\w][\w.-]*/[\w][\w.-]*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pulled:
    """A model that is here now.

    Attributes:
        name: What to call it: `[llm] model` for a file, `[embedder] model` for a folder takes its path.
        path: The file or folder.
        kind: Which of the two.
        sha256: Of the file; "" for a folder.
        verified: Whether the checksum (of a folder: of all weights) was known beforehand, and is right.
    """

    name: str
    path: Path
    kind: Literal["file", "folder"]
    sha256: str
    verified: bool


def pull(
    name: str,
    folder: Path,
    *,
    sha256: str = "",
    progress: Progress = lambda _done, _total: None,
    retries: Retries | None = None,
) -> Pulled:
    """Fetch a model into `folder` (HOME/models), or go on with it.

    Args:
        name: `qwen3-4b` or `qwen3-4b:Q8_0` (see `KNOWN`), the URL of a `.gguf` file, or `organisation/model`.
        folder: made if it isn't there.
        sha256: what the file must have, in hexadecimal.
        progress: told now and then how far it is.
        retries: for what may pass.

    Raises:
        LLMError: see `download_gguf` and `download_repository`.
    """
    if sha256 and not _SHA256.fullmatch(sha256):
        raise LLMError("a SHA-256 checksum has 64 hexadecimal digits", hint="copy all of it")
    if _REPOSITORY.fullmatch(name):
        with _alone(folder):
            path = download_repository(name, folder)
        return Pulled(path.name, path, "folder", "", verified=True)
    wanted = _wanted(name, folder, sha256)
    with _alone(folder):
        got = download_gguf(wanted, progress, retries=retries)
    return Pulled(got.path.stem, got.path, "file", got.sha256, got.verified)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two that write to the same part would spoil it. The lock ends with the process, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LLMError(
                f"another process is fetching a model into {folder}", hint="wait for it", retryable=True
            ) from None
        yield
    finally:
        os.close(descriptor)


def _wanted(name: str, folder: Path, sha256: str) -> Wanted:
    if "://" in name:
        return Wanted(name, folder / _file_name(name), sha256)
    model, build = find_known(name, psutil.virtual_memory().total)
    stem = f"{model.name}-{build.quantization.lower()}" if ":" in name else model.name
    return Wanted(build.url, folder / f"{stem}.gguf", sha256 or build.sha256)


def _file_name(url: str) -> str:
    parts = urlsplit(url)
    name = unquote(parts.path).rpartition("/")[2]
    if parts.scheme not in ("http", "https") or parts.username or not _FILE.fullmatch(name):
        raise LLMError(f"{url} is not the http(s) URL of a .gguf file", hint="it must end in NAME.gguf")
    if _SPLIT.search(name):
        raise LLMError(f"{name} is one part of a model", hint="choose a build that is in one file")
    return name
