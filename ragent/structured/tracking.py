"""Where in a JSON text the output stands, as far as bounds on what a schema leaves open need it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

_QUOTE, _BACKSLASH, _COMMA, _COLON = b'"\\,:'
_SPACE, _BLANK_ESCAPES = 0x20, b"nrt"
_OPEN, _CLOSE, _NUMBER = b"{[", b"}]", b"0123456789.+-eE"


@dataclass(slots=True)
class Tracker:
    """Reads JSON byte by byte. It trusts the text to be JSON: the grammar sees to that.

    Attributes:
        stack: What is open, outermost first: `{` or `[`, and how many commas it has had.
        string: Bytes of the string that is open; -1 outside strings.
        number: Bytes of the number that is being written.
        blanks: Spaces and escaped line ends in a row, at the end of the open string.
    """

    stack: list[tuple[int, int]] = field(default_factory=list)
    string: int = -1
    number: int = 0
    blanks: int = 0
    _escaped: bool = False
    _after_colon: bool = False

    def feed(self, piece: bytes) -> None:
        """Go on over some bytes."""
        for byte in piece:
            if self.string >= 0:
                self._in_string(byte)
            else:
                self._outside(byte)

    def copy(self) -> Tracker:
        """An independent one at the same place."""
        return replace(self, stack=list(self.stack))

    @property
    def escaped(self) -> bool:
        """Whether the next byte belongs to an escape."""
        return self._escaped

    @property
    def in_array(self) -> bool:
        """Whether the innermost open thing is an array."""
        return bool(self.stack) and self.stack[-1][0] == _OPEN[1]

    @property
    def in_key(self) -> bool:
        """Whether the open string names a member of an object."""
        return self.string >= 0 and bool(self.stack) and not self.in_array and not self._after_colon

    @property
    def items(self) -> int:
        """Items, or members, begun in the innermost open array or object."""
        return self.stack[-1][1] + 1 if self.stack else 0

    def _in_string(self, byte: int) -> None:
        self.string += 1
        if self._escaped:
            self._escaped = False
            self.blanks = self.blanks + 1 if byte in _BLANK_ESCAPES else 0
        elif byte == _BACKSLASH:
            self._escaped = True
        else:
            self.blanks = self.blanks + 1 if byte == _SPACE else 0
            if byte == _QUOTE:
                self.string = -1

    def _outside(self, byte: int) -> None:
        self.number = self.number + 1 if byte in _NUMBER else 0
        if byte == _QUOTE:
            self.string = 0
        elif byte == _COLON:
            self._after_colon = True
        elif byte in _OPEN:
            self.stack.append((byte, 0))
            self._after_colon = False
        elif byte in _CLOSE and self.stack:
            self.stack.pop()
        elif byte == _COMMA and self.stack:
            self._after_colon = False
            kind, commas = self.stack[-1]
            self.stack[-1] = (kind, commas + 1)
