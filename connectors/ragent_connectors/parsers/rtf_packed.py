"""Unpacks the RTF of Outlook messages ([MS-OXRTFCP])."""

from __future__ import annotations

import struct

from ragent.errors import ParseError

_HEADER = struct.Struct("<II4sI")
_WINDOW = 4096
_MOST = 100_000_000
# What every dictionary begins with (section 2.1.2.1).
_KNOWN = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)


def unpack_rtf(packed: bytes) -> bytes:
    """The RTF in a PidTagRtfCompressed property.

    Raises:
        ParseError: it is damaged, or larger than 100 MB.
    """
    if len(packed) < _HEADER.size:
        raise ParseError("its RTF body is cut off", hint="save it as .eml")
    _, size, kind, _ = _HEADER.unpack_from(packed)
    if kind == b"MELA":
        return packed[_HEADER.size : _HEADER.size + size]
    if kind != b"LZFu" or size > _MOST:
        raise ParseError("its RTF body is packed in an unknown way", hint="save it as .eml")
    return _unpacked(packed[_HEADER.size :], size)


def _unpacked(data: bytes, size: int) -> bytes:
    """Section 2.2: a byte of flags, then for each flag a byte as it is, or where to copy it from."""
    window = bytearray(_KNOWN.ljust(_WINDOW, b"\0"))
    place, out, position = len(_KNOWN), bytearray(), 0
    while position < len(data) and len(out) < size:
        flags = data[position]
        position += 1
        for bit in range(8):
            if flags >> bit & 1:
                if position + 2 > len(data):
                    return bytes(out)
                word = int.from_bytes(data[position : position + 2], "big")
                position += 2
                start, length = word >> 4, (word & 15) + 2
                if start == place:
                    return bytes(out[:size])
                run = [0] * length
            else:
                start, run = -1, list(data[position : position + 1])
                position += 1
            for offset, byte in enumerate(run):
                value = byte if start < 0 else window[(start + offset) % _WINDOW]
                window[place] = value
                place = (place + 1) % _WINDOW
                out.append(value)
    return bytes(out[:size])
