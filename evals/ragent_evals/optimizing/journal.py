"""What was asked already, so that a search that was stopped goes on where it was.

A line of JSON for each ask, in HOME/runs. It holds figures and addresses, and no words of any
document; and what a model proposed, since chance has a part in that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ragent_evals.optimizing.observing import Seen


class Journal:
    """Asks by key. A line that a kill cut short is left out, and asked again."""

    def __init__(self, path: Path) -> None:
        """Opens the file, made if need be; raises OSError if it can't be."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._known, self._said = _read(path)
        self._file = path.open("a", encoding="utf-8")
        if self._file.tell() and not _ends_a_line(path):
            self._file.write("\n")
        self.made = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def once(self, key: str, make: Callable[[], Seen]) -> Seen:
        """What is known under a key; made and written down if it isn't."""
        if key not in self._known:
            seen = make()
            self._write({"key": key, **seen.as_json()})
            self._known[key] = seen
            self.made += 1
        return self._known[key]

    def said(self, key: str, make: Callable[[], list[str]]) -> list[str]:
        """What a model said under a key; it is asked if that isn't known."""
        if key not in self._said:
            self._said[key] = make()
            self._write({"key": key, "said": self._said[key]})
        return self._said[key]

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


def _read(path: Path) -> tuple[dict[str, Seen], dict[str, list[str]]]:
    known: dict[str, Seen] = {}
    said: dict[str, list[str]] = {}
    lines = path.read_text("utf-8", errors="replace").splitlines() if path.exists() else []
    for line in lines:
        try:
            value = json.loads(line)
            key = value.pop("key")
            if "said" in value:
                said[key] = value["said"]
            else:
                known[key] = Seen.from_json(value)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return known, said


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
