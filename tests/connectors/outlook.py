"""Writes a small Outlook message ([MS-OXMSG]) in an OLE file ([MS-CFB]), everything in whole sectors."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

_SECTOR = 512
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_CUTOFF = 4096


@dataclass
class _Entry:
    name: str
    kind: int
    data: bytes = b""
    children: list[_Entry] = field(default_factory=list)


def outlook_message(subject: str, body: str, attachments: Mapping[str, bytes], *, rtf: bytes = b"") -> bytes:
    """A message from master@harbour.example; `rtf` is its packed RTF body."""
    texts = {0x0037: subject, 0x1000: body, 0x0C1A: "Master", 0x0C1F: "master@harbour.example"}
    binary = [(0x0102, 0x1009, len(rtf))] if rtf else []
    top = [*_texts(texts), _properties(texts, 24 + 8, *binary)]
    if rtf:
        top.append(_Entry("__substg1.0_10090102", _STREAM, rtf))
    for number, (name, data) in enumerate(attachments.items()):
        parts = [
            *_texts({0x3707: name}),
            _Entry("__substg1.0_37010102", _STREAM, data),
            _properties({0x3707: name}, 8, (0x0102, 0x3701, len(data)), (0x0003, 0x3705, 1)),
        ]
        top.append(_Entry(f"__attach_version1.0_#{number:08X}", _STORAGE, children=parts))
    return _compound(_Entry("Root Entry", _ROOT, children=top))


def _texts(texts: Mapping[int, str]) -> list[_Entry]:
    return [
        _Entry(f"__substg1.0_{key:04X}001F", _STREAM, text.encode("utf-16-le")) for key, text in texts.items()
    ]


def _properties(texts: Mapping[int, str], header: int, *more: tuple[int, int, int]) -> _Entry:
    data = bytes(header)
    for key, text in texts.items():
        data += struct.pack("<HHIII", 0x001F, key, 6, len(text) * 2 + 2, 0)
    for kind, key, value in more:
        data += struct.pack("<HHIII", kind, key, 6, value, 0)
    return _Entry("__properties_version1.0", _STREAM, data)


def _compound(root: _Entry) -> bytes:
    entries: list[_Entry] = []
    links: list[list[int]] = []  # right sibling, child

    def place(entry: _Entry) -> int:
        index = len(entries)
        entries.append(entry)
        links.append([_FREE, _FREE])
        placed = [
            place(child) for child in sorted(entry.children, key=lambda c: (len(c.name), c.name.upper()))
        ]
        for left, right in pairwise(placed):
            links[left][0] = right
        if placed:
            links[index][1] = placed[0]
        return index

    place(root)
    sectors: list[bytes] = []
    fat: list[int] = []

    def store(data: bytes) -> int:
        start = len(sectors)
        pieces = [data[i : i + _SECTOR].ljust(_SECTOR, b"\0") for i in range(0, len(data), _SECTOR)]
        sectors.extend(pieces)
        fat.extend([*range(start + 1, start + len(pieces)), _END])
        return start

    records = b""
    for entry, (right, child) in zip(entries, links, strict=True):
        # Streams under the cutoff would belong into the mini stream: padding them out avoids it.
        size = max(len(entry.data), _CUTOFF) if entry.kind == _STREAM else 0
        start = store(entry.data.ljust(size, b"\0")) if size else _END if entry.kind == _ROOT else 0
        name = entry.name.encode("utf-16-le")
        records += name.ljust(64, b"\0") + struct.pack(
            "<HBBIII", len(name) + 2, entry.kind, 1, _FREE, right, child
        )
        records += bytes(36) + struct.pack("<IQ", start, size)
    directory = store(records)
    here = len(sectors)
    fat.append(_FAT)
    table = struct.pack(f"<{len(fat)}I", *fat)
    assert len(table) <= _SECTOR, "one sector of FAT is all this writes"
    sectors.append(table.ljust(_SECTOR, b"\xff"))
    header = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, 1, directory, 0, _CUTOFF, _END, 0, _END, 0)
    header += struct.pack("<109I", here, *[_FREE] * 108)
    return header + b"".join(sectors)
