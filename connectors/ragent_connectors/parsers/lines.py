"""Lines of a text with their offsets, and the blocks of lines between blank ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its newline: `text[start:end]`, stripped on the right in `text`."""

    start: int
    end: int
    text: str

    @property
    def indent(self) -> int:
        """Leading white characters."""
        return len(self.text) - len(self.text.lstrip())


def split_lines(text: str) -> list[Line]:
    r"""Lines of a text whose line ends are `\n`; `end` leaves trailing white space out."""
    lines, start = [], 0
    for raw in text.split("\n"):
        stripped = raw.rstrip()
        lines.append(Line(start, start + len(stripped), stripped))
        start += len(raw) + 1
    return lines


def blank_after(lines: Sequence[Line], index: int) -> int:
    """Index of the first blank line at or after `index`, else the number of lines."""
    while index < len(lines) and lines[index].text:
        index += 1
    return index
