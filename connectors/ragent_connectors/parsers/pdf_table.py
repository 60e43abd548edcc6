"""Lines of PDF pages with wide gaps in them: rows of tables, and two columns of prose read as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import mean

_FEWEST_LINES = 4
_PROSE = 25


@dataclass(frozen=True, slots=True)
class Cell:
    """A stretch of a line between wide gaps, with its ends in points."""

    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text and its box in points, y upwards; zeros where the position is unknown.

    `cells` are its stretches between wide gaps, none where it has no such gap. `bold`: from end to end.
    """

    text: str
    left: float
    right: float
    bottom: float
    top: float
    cells: tuple[Cell, ...] = ()
    bold: bool = False

    @property
    def size(self) -> float:
        """Height of its font, to half a point, so that equal fonts compare equal."""
        return round((self.top - self.bottom) * 2) / 2

    @property
    def whole(self) -> tuple[Cell, ...]:
        """Its cells; itself as one where it has no gaps."""
        return self.cells or (Cell(self.text, self.left, self.right),)


def table_text(rows: Sequence[TextLine]) -> str:
    """Rows as a Markdown table, `a | b |  | d`, a cell for every column that any row has.

    The first row is its header, as Markdown wants one.
    """
    cells = [_labelled(row.whole) for row in rows]
    columns = _columns([cell for row in cells for cell in row])
    lines = [" | ".join(_placed(row, columns)).rstrip(" |") for row in cells]
    if len(columns) > 1:
        lines.insert(1, " | ".join(["---"] * len(columns)))
    return "\n".join(lines)


def _labelled(cells: Sequence[Cell]) -> list[Cell]:
    """A label that ends with a colon and what stands beside it are one."""
    found: list[Cell] = []
    for cell in cells:
        if found and found[-1].text.endswith(":"):
            found[-1] = Cell(f"{found[-1].text} {cell.text}", found[-1].left, cell.right)
        else:
            found.append(cell)
    return found


def _columns(cells: Sequence[Cell]) -> list[tuple[float, float]]:
    """Where columns lie: cells that overlap, the narrow ones first, so that a spanning title joins none."""
    columns: list[tuple[float, float]] = []
    for cell in sorted(cells, key=lambda cell: cell.right - cell.left):
        over = [column for column in columns if _overlap(column, cell)]
        if len(over) <= 1:
            columns = [column for column in columns if column not in over]
            ends = [(cell.left, cell.right), *over]
            columns.append((min(left for left, _ in ends), max(right for _, right in ends)))
    return sorted(columns)


def _placed(row: Sequence[Cell], columns: Sequence[tuple[float, float]]) -> list[str]:
    texts = [""] * len(columns)
    for cell in row:
        index = next((n for n, column in enumerate(columns) if _overlap(column, cell)), 0)
        texts[index] = f"{texts[index]} {cell.text}".strip()
    return texts


def _overlap(column: tuple[float, float], cell: Cell) -> bool:
    return min(column[1], cell.right) > max(column[0], cell.left)


def unfolded(lines: Sequence[TextLine]) -> list[TextLine]:
    """The lines with two columns of prose one after the other, where each line ran across both."""
    found: list[TextLine] = []
    for is_pair, group in groupby(lines, lambda line: len(line.cells) == 2):
        run = list(group)
        if is_pair and len(run) >= _FEWEST_LINES and _is_prose(run):
            found += [*_side(run, 0), *_side(run, 1)]
        else:
            found += run
    return found


def _is_prose(run: Sequence[TextLine]) -> bool:
    """Whether both sides hold long lines, and the right ones begin below one another."""
    starts = sorted(line.cells[1].left for line in run)
    aligned = starts[len(starts) * 3 // 4] - starts[len(starts) // 4] < run[0].size
    return aligned and all(mean(len(line.cells[side].text) for line in run) >= _PROSE for side in (0, 1))


def _side(run: Sequence[TextLine], side: int) -> Iterator[TextLine]:
    for line in run:
        cell = line.cells[side]
        yield replace(line, text=cell.text, left=cell.left, right=cell.right, cells=())
