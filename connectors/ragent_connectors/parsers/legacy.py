"""Office files in OLE containers that can't be read here: each is refused with what to do instead."""

from __future__ import annotations

import io

from ragent.errors import ParseError
from ragent.types import Document, RawDocument

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage"
_CONVERT = {
    "WordDocument": ("a Word 97-2003 document", "docx"),
    "PowerPoint Document": ("a PowerPoint 97-2003 presentation", "pptx"),
}


class LegacyParser:
    """Takes Word and PowerPoint files from before 2007, and encrypted newer ones."""

    def accepts(self, raw: RawDocument) -> float:
        return 0.9 if streams(raw).intersection((_ENCRYPTED, *_CONVERT)) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        found = streams(raw)
        if _ENCRYPTED in found:
            raise ParseError(f"{raw.name} is encrypted", hint="it needs a password: save it without one")
        kind, target = next(
            (value for name, value in _CONVERT.items() if name in found), ("an old office file", "pdf")
        )
        raise ParseError(
            f"{raw.name} is {kind}, which can't be read here",
            hint=f"convert it: soffice --headless --convert-to {target} FILE",
        )


def streams(raw: RawDocument) -> frozenset[str]:
    """Names of the streams at the top of an OLE container ([MS-CFB]); empty where the bytes are none."""
    if not raw.data.startswith(OLE):
        return frozenset()
    from olefile import OleFileIO

    try:
        with OleFileIO(io.BytesIO(raw.data)) as container:
            return frozenset(path[0] for path in container.listdir() if len(path) == 1)
    except Exception:  # whatever a damaged container makes it trip over: its directory may still be there
        return frozenset(name for name in (_ENCRYPTED, *_CONVERT) if name.encode("utf-16-le") in raw.data)
