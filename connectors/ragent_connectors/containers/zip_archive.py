"""ZIP archives as folders."""

from __future__ import annotations

import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from ragent.errors import ParseError
from ragent.types import Failure, RawDocument, UnpackLimits
from ragent_connectors.containers.naming import Shelf, bomb, is_hidden, too_large

_PIECE = 1 << 20
_OFFICE = ("[Content_Types].xml", "mimetype")
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError)


class ZipContainer:
    """Takes ZIP archives, except office documents and e-books, which are documents, not folders."""

    is_document = False

    def accepts(self, raw: RawDocument) -> float:
        if not raw.data.startswith((b"PK\3\4", b"PK\5\6")):
            return 0.0
        try:
            with zipfile.ZipFile(io.BytesIO(raw.data)) as archive:
                names = set(archive.namelist())
        except _DAMAGE:
            return 0.1
        return 0.0 if names.intersection(_OFFICE) else 0.5

    def members(self, raw: RawDocument, limits: UnpackLimits) -> Iterator[RawDocument | Failure]:
        try:
            archive = zipfile.ZipFile(io.BytesIO(raw.data))
        except _DAMAGE as error:
            raise ParseError(f"{raw.name} is a damaged archive: {error}", hint="get a whole copy") from error
        shelf, total = Shelf(raw), 0
        with archive:
            for entry in archive.infolist():
                if entry.is_dir() or _is_link(entry) or is_hidden(entry.filename):
                    continue
                uri = shelf.place(entry.filename)
                member = uri if isinstance(uri, Failure) else _read(archive, entry, uri, limits)
                total += len(member.data) if isinstance(member, RawDocument) else 0
                if total > limits.total_bytes:
                    yield bomb(raw, limits.total_bytes)
                    return
                yield member


def _is_link(entry: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def _read(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, uri: str, limits: UnpackLimits
) -> RawDocument | Failure:
    """The sizes an archive declares may lie, so what comes out is counted."""
    if entry.flag_bits & 1:
        return Failure(uri, "it is encrypted: unpack it with its password and ingest the folder")
    if entry.file_size > limits.member_bytes:
        return too_large(uri, limits.member_bytes)
    data = bytearray()
    try:
        with archive.open(entry) as file:
            while piece := file.read(_PIECE):
                data += piece
                if len(data) > limits.member_bytes:
                    return too_large(uri, limits.member_bytes)
    except _DAMAGE as error:
        return Failure(uri, f"it is damaged: {error or type(error).__name__}")
    return RawDocument(uri, PurePosixPath(entry.filename).name, bytes(data))
