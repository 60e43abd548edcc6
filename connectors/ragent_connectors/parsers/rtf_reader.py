r"""Reads RTF: groups, control words and code pages, as far as they bear on the text.

One pass over the tokens, with a stack of states for the groups. Destinations that hold no text of the
document (fonts, colours, pictures, headers) are passed over, as is every unknown one marked with `\*`.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

from ragent_connectors.parsers.decoding import clean
from ragent_connectors.parsers.rtf_words import (
    CHARSETS,
    ESCAPED,
    INFO,
    PARAGRAPH_ENDS,
    SKIPPED,
    STARRED,
    SYMBOLS,
)
from ragent_connectors.parsers.writer import TextWriter

_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)|[\r\n]+|\\",
    re.DOTALL,
)
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _State:
    """What a group inherits from the one around it."""

    destination: str = ""
    hidden: bool = False
    fallback: int = 1
    codec: str = "cp1252"


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """Properties of a paragraph, kept until `\\pard`."""

    style: int = 0
    outline: int = 0
    in_table: bool = False


class RtfReader:
    """Writes the paragraphs, lists, tables and footnotes of one document; `metadata` holds its properties."""

    def __init__(self, writer: TextWriter) -> None:
        self.metadata: dict[str, str] = {}
        self._writer = writer
        self._state = _State()
        self._groups: list[_State] = []
        self._paragraph = _Paragraph()
        self._default = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._styles: dict[int, int] = {}
        self._style = 0
        self._to_skip = 0
        self._starred = False
        self._bytes = bytearray()
        self._text: list[str] = []
        self._outer: list[list[str]] = []
        self._notes: list[str] = []
        self._listed = False
        self._items: list[str] = []
        self._cells: list[str] = []
        self._rows: list[str] = []

    def read(self, source: str) -> None:
        """Read a whole file, whose bytes are given as Latin-1."""
        place = 0
        while token := _TOKEN.match(source, place):
            place = token.end()
            word, number, octet, escaped, brace, text = token.groups()
            if word == "bin":
                place += max(0, int(number or 0))
            elif word:
                self._word(word, int(number) if number else None)
            elif octet:
                self._plain(chr(int(octet, 16)))
            elif escaped:
                self._escape(escaped)
            elif brace:
                self._open() if brace == "{" else self._close()
            elif text:
                self._plain(text)
        while self._groups:
            self._close()
        self._end_paragraph()
        self._end_row()
        self._end_list()
        self._end_table()
        self._end_notes()

    def _open(self) -> None:
        self._flush()
        self._groups.append(self._state)
        self._starred = False

    def _close(self) -> None:
        self._flush()
        before = self._state
        if self._groups:
            self._state = self._groups.pop()
        if before.destination == self._state.destination:
            return
        if before.destination == "footnote":
            self._notes.append("".join(self._text))
            self._text = self._outer.pop() if self._outer else []
        elif before.destination.startswith("info:"):
            key = INFO[before.destination.removeprefix("info:")]
            if value := clean(self._taken()).strip():
                self.metadata[key] = value

    def _word(self, word: str, number: int | None) -> None:
        starred, self._starred = self._starred, False
        if word == "u":
            self._unicode(number or 0)
        elif word == "uc":
            self._state = replace(self._state, fallback=max(0, number or 0))
        elif word == "ansicpg":
            self._default = _codec(f"cp{number}")
            self._state = replace(self._state, codec=self._default)
        elif word == "f":
            self._font = number or 0
            self._use(self._fonts.get(self._font, self._default))
        elif self._state.destination == "skip":
            return
        elif not self._enter(word, starred=starred):
            self._format(word, number)

    def _enter(self, word: str, *, starred: bool) -> bool:
        """Whether the word begins a destination of its own."""
        if word in ("fonttbl", "stylesheet", "info"):
            self._go(word)
        elif self._state.destination == "info" and word in INFO:
            self._text.clear()
            self._go(f"info:{word}")
        elif word in SKIPPED or (starred and word not in STARRED):
            self._go("skip")
        elif word == "footnote":
            self._flush()
            self._outer.append(self._text)
            self._text = []
            self._go(word)
        else:
            return False
        return True

    def _go(self, destination: str) -> None:
        self._flush()
        self._state = replace(self._state, destination=destination)

    def _format(self, word: str, number: int | None) -> None:
        if self._state.destination == "fonttbl":
            if word == "fcharset":
                self._fonts[self._font] = CHARSETS.get(number or 0, self._default)
        elif self._state.destination == "stylesheet":
            self._style = number or 0 if word == "s" else self._style
        elif word in SYMBOLS:
            self._write(SYMBOLS[word])
        elif word in PARAGRAPH_ENDS:
            self._end_paragraph()
        elif word == "cell":
            self._cells.append(self._taken())
        elif word == "row":
            self._end_row()
        elif word in ("v", "deleted"):
            self._flush()
            self._state = replace(self._state, hidden=number != 0)
        elif word in ("listtext", "pntext"):
            self._listed = True
        else:
            self._paragraph = _formatted(self._paragraph, word, number)

    def _escape(self, symbol: str) -> None:
        if symbol == "*":
            self._starred = True
        elif symbol in "\r\n":
            self._end_paragraph()
        elif symbol in ESCAPED:
            self._plain(ESCAPED[symbol]) if symbol in "\\{}" else self._write(ESCAPED[symbol])

    def _plain(self, text: str) -> None:
        """Characters of the current code page, less those that stand in for a Unicode character before."""
        skipped = min(self._to_skip, len(text))
        self._to_skip -= skipped
        if self._state.destination != "skip" and not self._state.hidden:
            self._bytes += text[skipped:].encode("latin-1")

    def _unicode(self, number: int) -> None:
        self._write(chr(number & 0xFFFF))
        self._to_skip = self._state.fallback

    def _use(self, codec: str) -> None:
        self._flush()
        self._state = replace(self._state, codec=codec)

    def _write(self, text: str) -> None:
        self._flush()
        if self._state.destination != "skip" and not self._state.hidden:
            self._text.append(text)

    def _flush(self) -> None:
        """Decode what was collected: as a whole, because a character may have two bytes."""
        if not self._bytes:
            return
        text = self._bytes.decode(self._state.codec, "replace")
        self._bytes.clear()
        if self._state.destination == "stylesheet":
            self._styles[self._style] = _level(text)
        elif self._state.destination not in ("skip", "fonttbl", "info"):
            self._text.append(text)

    def _taken(self) -> str:
        self._flush()
        text = "".join(self._text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        self._text.clear()
        return text

    def _end_paragraph(self) -> None:
        if self._state.destination in ("skip", "fonttbl", "stylesheet", "info"):
            return
        if self._paragraph.in_table or self._cells or self._outer:
            self._write("\n")
            return
        text, listed = self._taken().strip(), self._listed
        self._listed = False
        level = self._paragraph.outline or self._styles.get(self._paragraph.style, 0)
        if text:
            self._end_table()
        if text and listed:
            mark, tab, words = text.partition("\t")
            self._items.append(
                f"{mark if any(map(str.isalnum, mark)) else '-'} {words}" if tab else f"- {text}"
            )
        elif text:
            self._end_list()
            if level:
                self._writer.add("heading", " ".join(text.split()), level)
            else:
                self._writer.add("paragraph", text)
        self._end_notes()

    def _end_row(self) -> None:
        if self._cells:
            cells = [" ".join(cell.split()) for cell in self._cells]
            self._cells.clear()
            self._end_list()
            self._rows += [" | ".join(cells)] if any(cells) else []

    def _end_table(self) -> None:
        self._writer.add("table", "\n".join(self._rows))
        self._rows.clear()

    def _end_list(self) -> None:
        self._writer.add("list", "\n".join(self._items))
        self._items.clear()

    def _end_notes(self) -> None:
        if self._notes and not self._rows:
            self._end_list()
            for note in self._notes:
                self._writer.add("paragraph", note)
            self._notes.clear()


def _formatted(paragraph: _Paragraph, word: str, number: int | None) -> _Paragraph:
    if word == "pard":
        return _Paragraph()
    if word == "s":
        return replace(paragraph, style=number or 0)
    if word == "intbl":
        return replace(paragraph, in_table=True)
    if word == "outlinelevel" and number is not None:
        return replace(paragraph, outline=number + 1 if 0 <= number < 9 else 0)
    return paragraph


def _level(style: str) -> int:
    """The depth of headings of a style, by its name; 0 if it is for other text."""
    name = style.strip().rstrip(";").strip()
    match = _HEADING.fullmatch(name)
    return int(match[1]) if match else int(name.lower() == "title")


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
