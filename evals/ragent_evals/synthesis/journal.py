"""What a synthesis has tried, so that one that was killed goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ragent.errors import EvalError
from ragent_evals.sets.writing import write_lines

Entry = dict[str, Any]


class Journal:
    """JSON Lines beside the set: what it is of, then an entry for each thing tried, by its key.

    An entry is written whole, and is on the disk, before the next one is begun. A line that a kill cut off is
    passed over.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        """Go on with the file, if it is about the same; else begin it anew. Raises EvalError."""
        self.path = path
        self.entries: dict[str, Entry] = {}
        try:
            known = _read(path)
            if known[:1] == [dict(about)]:
                self.entries = {entry["key"]: entry for entry in known[1:]}
            self._write_all(about)
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise EvalError(f"can't write {path}: {error.strerror}", hint="choose another place") from error

    def add(self, entry: Entry) -> None:
        """Note an entry, which has a `key`."""
        self.entries[entry["key"]] = entry
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Release the file; it stays."""
        self._file.close()

    def drop(self) -> None:
        """Remove it: the set is written."""
        self.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write_all(self, about: Mapping[str, Any]) -> None:
        write_lines(self.path, [dict(about), *self.entries.values()])


def _read(path: Path) -> list[Entry]:
    if not path.exists():
        return []
    found = []
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found
