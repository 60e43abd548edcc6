"""What is done with the bytes of one item, in whichever process: unpack, hash, parse, chunk, sign, name."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice

import xxhash

from ragent.errors import RagentError
from ragent.index.names import encode_names
from ragent.ingest.minhash import signature
from ragent.protocols import Chunker
from ragent.types import Chunk, Document, Failure, RawDocument

Parse = Callable[[RawDocument], Document]
Unpack = Callable[[RawDocument], Iterator[RawDocument | Failure]]


@dataclass(frozen=True, slots=True)
class Task:
    """Bytes to read. `known`: by uri, the hash of what came out of them before, not to be parsed again."""

    raw: RawDocument
    known: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Piece:
    """One document out of a task: read, or unchanged (neither document nor error), or failed.

    `names` are those in each chunk. The last piece of an archive stands for the archive itself: it has
    neither hash, document nor error.
    """

    uri: str
    content_hash: str = ""
    document: Document | None = None
    chunks: tuple[Chunk, ...] = ()
    signature: bytes = b""
    names: tuple[bytes, ...] = ()
    error: str = ""
    seconds: float = 0.0
    last: bool = True


@dataclass(frozen=True, slots=True)
class Work:
    """How a task becomes pieces. `unpack`: as `ragent.ingest.unpacking`; None opens no archive.

    Without a `chunker`, pieces carry neither chunks nor their names, and the document's blocks instead.
    """

    parse: Parse
    chunker: Chunker | None
    unpack: Unpack | None = None

    def pieces(
        self, task: Task, *, after: int = 0, opened: Callable[[], None] = lambda: None
    ) -> Iterator[Piece]:
        """Read a task, one document at a time; whatever goes wrong with one is its `error`.

        Args:
            task: What to read.
            after: How many files of an archive to pass over, because they were read before.
            opened: Called before the first file of an archive is read.
        """
        members = self.unpack(task.raw) if self.unpack else iter([task.raw])
        first = next(members, None)
        second = next(members, None)
        if first is task.raw and second is None:
            yield self._read(task.raw, task.known)
            return
        opened()
        among = chain((one for one in (first, second) if one), members)
        for member in islice(among, after, None):
            yield replace(self._member(member, task.known), last=False)
        yield Piece(task.raw.uri)

    def portable(self) -> bytes | None:
        """The work as bytes that any process can load, or None where it holds on to this one."""
        if getattr(self.parse, "__module__", None) == "__main__":
            return None
        try:
            return pickle.dumps(self)
        except (pickle.PicklingError, TypeError, AttributeError):
            return None

    def _member(self, member: RawDocument | Failure, known: Mapping[str, str]) -> Piece:
        if isinstance(member, Failure):
            return Piece(member.uri, error=member.error)
        return self._read(member, known)

    def _read(self, raw: RawDocument, known: Mapping[str, str]) -> Piece:
        began = time.perf_counter()
        content_hash = hash_of(raw)
        if known.get(raw.uri) == content_hash:
            return Piece(raw.uri, content_hash)
        try:
            document = replace(self.parse(raw), uri=raw.uri)
            sketch = signature(document.text).tobytes()
            chunks: tuple[Chunk, ...] = ()
            names: tuple[bytes, ...] = ()
            if self.chunker:
                chunks = tuple(self.chunker.chunk(document))
                names = tuple(encode_names(chunk.context, chunk.text) for chunk in chunks)
                # Nobody needs the blocks once the chunks are there, and they are many to carry.
                document = replace(document, blocks=())
        except Exception as error:
            return Piece(raw.uri, content_hash, error=describe(error), seconds=time.perf_counter() - began)
        spent = time.perf_counter() - began
        return Piece(raw.uri, content_hash, document, chunks, sketch, names, seconds=spent)


def hash_of(raw: RawDocument) -> str:
    """Names the contents: 32 hexadecimal digits (XXH3-128)."""
    return xxhash.xxh3_128_hexdigest(raw.data)


def describe(error: BaseException) -> str:
    """An error in one line."""
    if isinstance(error, RagentError):
        return f"{error.message} ({error.hint})" if error.hint else error.message
    if isinstance(error, MemoryError):
        return "it needs more memory to read than a file may have; raise file_memory_mb of [ingest]"
    return f"reading it failed: {type(error).__name__}: {' '.join(str(error).split())}"
