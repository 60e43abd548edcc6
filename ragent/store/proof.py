"""Proves that a document is forgotten: its text is looked for in every file of the home.

Where the truth is in PostgreSQL, it is looked for in every row of every table, too, and in the samples that
the planner keeps.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragent.store.database import Database
from ragent.store.postgresql import search_tables

_STRETCHES = 32
_LONGEST = 48
SHORTEST = 12
"""Shorter stretches may stand anywhere by chance."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was searched, and for how many stretches of text; `found` names files and tables that hold one.

    `rows_searched` are those of a PostgreSQL database: SQLite's is one of the files.
    """

    files_searched: int
    bytes_searched: int
    stretches: int
    found: tuple[str, ...]
    rows_searched: int = 0


def distinctive(text: str) -> list[str]:
    """Stretches of a text's lines, from all over it, long enough not to stand elsewhere by chance."""
    lines = list(dict.fromkeys(line.strip()[:_LONGEST].strip() for line in text.splitlines()))
    long = [line for line in lines if len(line) >= SHORTEST] or [line for line in lines if line]
    step = max(1, len(long) // _STRETCHES)
    return long[::step][:_STRETCHES]


def without_shared(stretches: Iterable[str], staying: Iterable[str]) -> list[str]:
    """The stretches that stand in none of the texts that stay: what is shared with those is no leak."""
    left = dict.fromkeys(stretches)
    for text in staying:
        for stretch in [stretch for stretch in left if stretch in text]:
            del left[stretch]
    return list(left)


def search_everything(home: Path, database: Database, stretches: Sequence[str]) -> Proof:
    """Look for stretches in the home's files, and in its database where that is elsewhere."""
    proof = search_files(home, stretches)
    if not database.is_postgresql:
        return proof
    needles = sorted({form for stretch in stretches for form in _forms(stretch)})
    rows, found = search_tables(database.readers, needles)
    return replace(proof, rows_searched=rows, found=(*proof.found, *found))


def search_files(home: Path, stretches: Sequence[str]) -> Proof:
    """Look for stretches in every file below `home`, as UTF-8, as UTF-16, and escaped as in JSON."""
    needles = {form for stretch in stretches for form in _forms(stretch)}
    found = []
    files = size = 0
    for path in sorted(home.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        files += 1
        size += path.stat().st_size
        if _holds(path, needles):
            found.append(str(path.relative_to(home)))
    return Proof(files, size, len(stretches), tuple(found))


def _forms(stretch: str) -> set[bytes]:
    return {
        stretch.encode("utf-8"),
        stretch.encode("utf-16-le"),
        json.dumps(stretch)[1:-1].encode(),
        json.dumps(stretch, ensure_ascii=False)[1:-1].encode(),
    }


def _holds(path: Path, needles: Iterable[bytes]) -> bool:
    with path.open("rb") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            return any(view.find(needle) >= 0 for needle in needles)
