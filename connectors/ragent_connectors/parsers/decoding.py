"""Bytes to text: byte order marks, UTF-8, then detection; and what counts as binary."""

from __future__ import annotations

import codecs
import re
import unicodedata

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
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\v\x08\x1b"))
_ISO_2022_JP = re.compile(rb"\x1b\$[@B]")
_MAX_CONTROLS = 0.02
_LEAST_TEXT = 12
_SCRIPTS_OF_A_TEXT = 5
_UNUSED = ("Cc", "Cn", "Co", "Cs")
_BLANKS = " \t\r\n\u3000、。，"
_UNSTORABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def unicode_encoding(data: bytes) -> str | None:
    """The Unicode encoding that a byte order mark tells, or else UTF-16 or UTF-32 by where zero bytes lie."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    sample = data[:1024]
    if len(sample) < 16 or 0 not in sample:
        return None
    return _utf_32(sample) or _utf_16(sample)


def _utf_32(sample: bytes) -> str | None:
    """No character is above U+10FFFF: of four bytes the highest is always zero, the next nearly always."""
    quarter = len(sample) // 4
    zeros = [sample[place : 4 * quarter : 4].count(0) for place in range(4)]
    if zeros[3] == quarter and zeros[2] > 0.9 * quarter and _reads_as(sample[: 4 * quarter], "utf-32-le"):
        return "utf-32-le"
    if zeros[0] == quarter and zeros[1] > 0.9 * quarter and _reads_as(sample[: 4 * quarter], "utf-32-be"):
        return "utf-32-be"
    return None


def _utf_16(sample: bytes) -> str | None:
    half = len(sample) // 2
    even, odd = sample[0 : 2 * half : 2].count(0), sample[1 : 2 * half : 2].count(0)
    # Text that is mostly Latin has its zero bytes on one side only; binary data has them anywhere.
    if min(even, odd) == 0 and max(even, odd) > half * 0.7:
        return "utf-16-le" if odd else "utf-16-be"
    return next((name for name in ("utf-16-le", "utf-16-be") if _reads_as(sample[: 2 * half], name)), None)


def _reads_as(sample: bytes, encoding: str) -> bool:
    """Whether bytes are text of any script in an encoding: characters in use, blanks between, few scripts."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample)  # the last one may be cut
    if len(text) < _LEAST_TEXT or not any(c in _BLANKS for c in text):
        return False
    if any(unicodedata.category(c) in _UNUSED and c not in _BLANKS for c in text.replace("\ufffd", "\0")):
        return False
    return len({_script(c) for c in text if c.isalpha()}) <= _SCRIPTS_OF_A_TEXT


def _script(character: str) -> str:
    """The first word of a character's name: CYRILLIC, CJK, HIRAGANA."""
    return unicodedata.name(character, "").partition(" ")[0]


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
        text = raw.data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        # The Japanese encoding of seven-bit mail is ASCII to all who don't know its escapes.
        return raw.data.decode("iso2022_jp", "replace") if _ISO_2022_JP.search(raw.data) else text
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
