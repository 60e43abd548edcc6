"""TAR archives as folders, plain or compressed, and single compressed files."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, cast

from ragent.errors import ParseError
from ragent.types import Failure, RawDocument, UnpackLimits
from ragent_connectors.containers.naming import Shelf, bomb, is_hidden, too_large

_USTAR = slice(257, 262)
_BLOCK = 512
_DAMAGE = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)
_XZ_MEMORY = 256_000_000


class TarContainer:
    """Takes TAR archives, and what gzip, bzip2 or xz compressed: an archive, or one file."""

    is_document = False

    def accepts(self, raw: RawDocument) -> float:
        if raw.data.startswith((b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0")):
            return 0.9
        return 0.9 if raw.data[_USTAR] == b"ustar" else 0.0

    def members(self, raw: RawDocument, limits: UnpackLimits) -> Iterator[RawDocument | Failure]:
        plain = _Counted(_decompressor(raw.data), limits.total_bytes)
        try:
            head = plain.read(_BLOCK)
            plain.rewind(head)
            if head[_USTAR] == b"ustar":
                yield from _files(raw, plain, limits)
            else:
                yield _single(raw, plain, limits)
        except _TooMuch:
            yield bomb(raw, limits.total_bytes)
        except _DAMAGE as error:
            raise ParseError(f"{raw.name} is a damaged archive: {error}", hint="get a whole copy") from error


class _TooMuch(Exception):
    """More came out than is allowed."""


class _Counted:
    """A stream that stops once too much was decompressed, members that nobody wanted included."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream = stream
        self._left = limit
        self._head = b""

    def read(self, size: int) -> bytes:
        piece, self._head = self._head[:size], self._head[size:]
        more = self._stream.read(size - len(piece)) if len(piece) < size else b""
        self._left -= len(more)
        if self._left < 0:
            raise _TooMuch
        return piece + more

    def rewind(self, head: bytes) -> None:
        """Put what was read back in front."""
        self._head = head + self._head


def _decompressor(data: bytes) -> IO[bytes]:
    file = io.BytesIO(data)
    if data.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if data.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if data.startswith(b"\xfd7zXZ\0"):
        # The dictionary's size is the archive's to choose: up to 4 GB without a limit.
        return _XzStream(file)  # type: ignore[return-value]
    return file


class _XzStream:
    """`lzma.LZMAFile` with a limit on memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

    def read(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            if self._decoder.eof:
                rest = self._decoder.unused_data.lstrip(b"\0") or self._file.read(1 << 16)
                if not rest:
                    break
                self._decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
            else:
                rest = self._file.read(1 << 16) if self._decoder.needs_input else b""
                if self._decoder.needs_input and not rest:
                    raise EOFError("it ends too early")
            found += self._decoder.decompress(rest, size - len(found))
        return bytes(found)


def _files(raw: RawDocument, plain: _Counted, limits: UnpackLimits) -> Iterator[RawDocument | Failure]:
    """Regular files. Links are passed over: they lead out, or to a file that is there already."""
    shelf = Shelf(raw)
    with tarfile.open(fileobj=cast(IO[bytes], plain), mode="r|") as archive:
        for entry in archive:
            if entry.isdir() or entry.islnk() or entry.issym() or is_hidden(entry.name):
                continue
            uri = shelf.place(entry.name.removeprefix("./"))
            if isinstance(uri, Failure):
                yield uri
            elif not entry.isfile():
                yield Failure(uri, "it is a pipe or a device, not a regular file")
            elif entry.size > limits.member_bytes:
                yield too_large(uri, limits.member_bytes)
            else:
                file = archive.extractfile(entry)
                yield RawDocument(uri, PurePosixPath(entry.name).name, file.read() if file else b"")


def _single(raw: RawDocument, plain: _Counted, limits: UnpackLimits) -> RawDocument | Failure:
    name = PurePosixPath(raw.name)
    inner = name.stem if name.suffix.lower() in (".gz", ".bz2", ".xz") else raw.name
    uri = Shelf(raw).numbered(1, inner)
    data = bytearray()
    while piece := plain.read(1 << 20):
        data += piece
        if len(data) > limits.member_bytes:
            return too_large(uri, limits.member_bytes)
    return RawDocument(uri, inner, bytes(data))
