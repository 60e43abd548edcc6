"""Makes the PDF and the DOCX of the harbour set from the text in `sources/`.

Run it after a change in `sources/`, from anywhere, and commit what it writes into `documents/`:

    pip install "fpdf2==2.8.9" "python-docx==1.2.0"
    python evals/sets/harbour/make_documents.py

fpdf2 is needed by this script alone; ragent doesn't depend on it. The same sources and versions give the
same bytes on every run: dates are fixed, and nothing is taken from the clock or the machine.

The sources are written in five forms, one block a line: `# heading` (one to three signs), `- list item`,
`| cell | cell |` (the first row of a table is its header), `---` (a new page) and paragraphs.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Literal

import docx
from docx.shared import Pt
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

HERE = Path(__file__).parent
PUBLISHER = "Port of Skerrin"
BULLET = "\x95"  # in the encoding of the PDF core fonts
Kind = Literal["heading", "item", "table", "break", "paragraph"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A block of a source. `level` is a heading's depth; `rows` are a table's cells, header first."""

    kind: Kind
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def read_pieces(path: Path) -> Iterator[Piece]:
    """The blocks of a source, in order."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line]
    for is_table, group in groupby(lines, key=lambda line: line.startswith("|")):
        if is_table:
            yield Piece("table", rows=tuple(_cells(line) for line in group))
        else:
            yield from map(_piece, group)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip("|").split("|"))


def _piece(line: str) -> Piece:
    if line == "---":
        return Piece("break")
    if line.startswith("#"):
        signs, text = line.split(" ", 1)
        return Piece("heading", text, level=len(signs))
    if line.startswith("- "):
        return Piece("item", line[2:])
    return Piece("paragraph", line)


class HandbookPages(FPDF):
    """fpdf2 asks for a subclass where pages have a header and a footer."""

    def header(self) -> None:
        """The running title, on every page but the first."""
        if self.page_no() > 1:
            self.set_font("Helvetica", "I", 8)
            self.cell(0, 5, f"{PUBLISHER} - Operations handbook, edition 9", align="R")
            self.ln(10)

    def footer(self) -> None:
        """The page number."""
        self.set_y(-15)
        self.set_font("Helvetica", "I", 8)
        self.cell(0, 5, f"Page {self.page_no()} of {{nb}}", align="C")


def write_pdf(source: Path, target: Path, written: datetime) -> None:
    """A PDF with a text layer, an outline, and a page break at each `---`."""
    pdf = HandbookPages(format="A4")
    pdf.set_title("Operations handbook")
    pdf.set_author(PUBLISHER)
    pdf.set_producer("fpdf2")
    pdf.set_creation_date(written)
    pdf.set_margins(25, 20)
    pdf.set_auto_page_break(auto=True, margin=22)
    pdf.add_page()
    for piece in read_pieces(source):
        _draw(pdf, piece)
    target.write_bytes(bytes(pdf.output()))


def _draw(pdf: FPDF, piece: Piece) -> None:
    if piece.kind == "break":
        pdf.add_page()
    elif piece.kind == "table":
        _draw_table(pdf, piece.rows)
    elif piece.kind == "heading":
        size = {1: 20, 2: 14, 3: 11.5}[piece.level]
        pdf.set_font("Helvetica", "B", size)
        pdf.ln(2)
        pdf.start_section(piece.text, level=piece.level - 1)
        _write(pdf, piece.text, height=size * 0.5)
        pdf.ln(2)
    else:
        pdf.set_font("Helvetica", size=10.5)
        indent = 6 if piece.kind == "item" else 0
        pdf.set_x(pdf.l_margin + indent)
        _write(pdf, f"{BULLET} {piece.text}" if indent else piece.text, height=5.2)
        pdf.ln(1 if indent else 2.5)


def _write(pdf: FPDF, text: str, height: float) -> None:
    pdf.multi_cell(0, height, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _draw_table(pdf: FPDF, rows: tuple[tuple[str, ...], ...]) -> None:
    pdf.set_font("Helvetica", size=10)
    with pdf.table(line_height=6, text_align="LEFT", headings_style=FontFace(emphasis="BOLD")) as table:
        for cells in rows:
            table.row(cells)
    pdf.ln(4)


def write_docx(source: Path, target: Path, written: datetime) -> None:
    """A DOCX with Word's own heading, list and table styles."""
    document = docx.Document()
    document.styles["Normal"].font.size = Pt(10.5)
    properties = document.core_properties
    properties.title = "Minutes of the Harbour Board, 14 March 2024"
    properties.author = properties.last_modified_by = PUBLISHER
    properties.comments = ""
    properties.created = properties.modified = written.replace(tzinfo=None)
    for piece in read_pieces(source):
        _append(document, piece)
    buffer = io.BytesIO()
    document.save(buffer)
    target.write_bytes(_with_fixed_times(buffer.getvalue(), written))


def _append(document: docx.document.Document, piece: Piece) -> None:
    if piece.kind == "heading":
        document.add_heading(piece.text, level=piece.level)
    elif piece.kind == "item":
        document.add_paragraph(piece.text, style="List Bullet")
    elif piece.kind == "break":
        document.add_page_break()
    elif piece.kind == "paragraph":
        document.add_paragraph(piece.text)
    else:
        table = document.add_table(rows=0, cols=len(piece.rows[0]), style="Table Grid")
        for texts in piece.rows:
            for cell, text in zip(table.add_row().cells, texts, strict=True):
                cell.text = text


def _with_fixed_times(package: bytes, written: datetime) -> bytes:
    """The same archive with every entry dated `written`: python-docx stamps them with the clock."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.infolist():
            dated = zipfile.ZipInfo(entry.filename, written.timetuple()[:6])
            new.writestr(dated, old.read(entry), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Job:
    """One document to make."""

    write: Callable[[Path, Path, datetime], None]
    source: str
    document: str
    written: datetime


JOBS = (
    Job(write_pdf, "operations-handbook.md", "operations-handbook.pdf", datetime(2024, 4, 24, 9, tzinfo=UTC)),
    Job(
        write_docx,
        "board-minutes-2024-03.md",
        "board-minutes-2024-03.docx",
        datetime(2024, 3, 20, 9, tzinfo=UTC),
    ),
)


def main() -> None:
    """Write every document of `JOBS`."""
    for job in JOBS:
        job.write(HERE / "sources" / job.source, HERE / "documents" / job.document, job.written)


if __name__ == "__main__":
    main()
