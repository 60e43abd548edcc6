"""Bytes to text: byte order marks, UTF-8, then detection; and what counts as binary."""

from __future__ import annotations

import codecs
import re

from ragent.errors import ParseError
from ragent.types import RawDocument

_SAMPLE = 65536
# The UTF-32 marks come first: the little-endian one begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x08\x1b"))
_MAX_CONTROLS = 0.02
_UNSTORABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def unicode_encoding(data: bytes) -> str | None:
    """The Unicode encoding that a byte order mark tells, or that UTF-16's zero bytes give away."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    sample = data[:1024]
    half = len(sample) // 2
    if half >= 8:
        even, odd = sample[0::2].count(0), sample[1::2].count(0)
        # Text that is mostly Latin has its zero bytes on one side only; binary data has them anywhere.
        if min(even, odd) == 0 and max(even, odd) > half * 0.7:
            return "utf-16-le" if odd else "utf-16-be"
    return None


def is_binary(data: bytes) -> bool:
    """Whether the bytes can't be text: NUL bytes or many control characters, outside UTF-16 and UTF-32."""
    if unicode_encoding(data):
        return False
    sample = data[:_SAMPLE]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return b"\0" in data or controls > _MAX_CONTROLS * len(sample)


def decode(raw: RawDocument) -> str:
    r"""The text of a plain text file, with line ends as `\n` and without a byte order mark.

    Raises:
        ParseError: the bytes are binary or in no known encoding, or there is nothing but white space.
    """
    if is_binary(raw.data):
        raise ParseError(f"{raw.name} is binary, not text", hint="convert it to text, PDF, DOCX or HTML")
    text = _decoded(raw).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise ParseError(f"{raw.name} is binary, not text", hint="convert it to text, PDF, DOCX or HTML")
    if not text.strip():
        raise ParseError(f"{raw.name} is empty", hint="it holds nothing but white space")
    return text


def clean(text: str) -> str:
    """Without the characters that a database or a tokenizer refuses: controls and lone surrogates."""
    return _UNSTORABLE.sub("", text)


def _decoded(raw: RawDocument) -> str:
    if encoding := unicode_encoding(raw.data):
        return raw.data.decode(encoding, "replace")
    try:
        return raw.data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    damaged = raw.data.decode("utf-8", "replace")
    broken = damaged.count("\ufffd")
    whole = sum(not character.isascii() for character in damaged) - broken
    return damaged if whole > 10 * broken else detect(raw)


def detect(raw: RawDocument) -> str:
    """Decode by statistics, for bytes that are not UTF-8.

    Raises:
        ParseError: no encoding fits.
    """
    from charset_normalizer import from_bytes

    best = from_bytes(raw.data[: 4 * _SAMPLE]).best()
    if best is None:
        raise ParseError(f"{raw.name} is in no known text encoding", hint="save it as UTF-8")
    return raw.data.decode(best.encoding, "replace")
