"""Naming a model by what its files hold, so that a changed model never passes for the old one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import xxhash

_PIECE = 1 << 20


def content_hash(folder: Path, files: Iterable[Path]) -> str:
    """32 hexadecimal digits (XXH3-128) over the names (relative to `folder`) and contents of the files."""
    digest = xxhash.xxh3_128()
    for path in sorted(files):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    return digest.hexdigest()
