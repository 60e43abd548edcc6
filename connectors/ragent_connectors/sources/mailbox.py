"""Large mailbox files (MBOX), mail by mail: no more of them is in memory than the mail in hand."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote

import xxhash

from ragent.errors import SourceError
from ragent.types import Item, RawDocument
from ragent_connectors.containers.mbox import name_mail, plain, spans
from ragent_connectors.containers.naming import Shelf

_SCHEME = "mbox://"
_HEAD = 65_536


class MailboxSource:
    """The mails of one MBOX file of this machine, of any size: `mbox://mail/archive.mbox`.

    The version of a mail is a hash of it: mails that are added or deleted leave the others as they are.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._path = path.absolute()
        self._max_bytes = max_bytes
        self._spans: dict[str, tuple[int, int, str]] = {}

    @staticmethod
    def accepts(argument: str) -> bool:
        """Takes `mbox://` before a path."""
        return argument.lower().startswith(_SCHEME)

    @classmethod
    def open(cls, argument: str, *, max_bytes: int) -> Self:
        """`mbox://` and a path, percent-encoded where it must be."""
        return cls(Path(unquote(argument[len(_SCHEME) :])).expanduser(), max_bytes=max_bytes)

    @classmethod
    def absolute(cls, argument: str) -> str:
        """The same, with an absolute path."""
        return cls.open(argument, max_bytes=0).uri

    @property
    def uri(self) -> str:
        """`mbox://` and the absolute path."""
        return _SCHEME + quote(self._path.as_posix())

    def items(self) -> Iterator[Item]:
        """All mails, in order. One that is too large is an Item with `error`.

        Raises:
            SourceError: the file isn't there, can't be read, or holds no mail.
        """
        self._spans.clear()
        shelf = Shelf(RawDocument(self.uri, self._path.name, b""))
        with self._mapped() as data:
            for number, (start, end) in enumerate(spans(data), 1):
                uri = name_mail(shelf, number, data[start : min(end, start + _HEAD)])
                with memoryview(data) as view, view[start:end] as mail:
                    version = xxhash.xxh3_128_hexdigest(mail)
                self._spans[uri] = (start, end, version)
                error = ""
                if end - start > self._max_bytes:
                    error = f"it is over the limit of {self._max_bytes / 1e6:.1f} MB (raise max_file_mb)"
                yield Item(uri, version, error)
        if not self._spans:
            raise SourceError(f"can't read {self.uri}: it holds no mail", hint="is it an MBOX file?")

    def load(self, item: Item) -> RawDocument:
        """Read one mail.

        Raises:
            SourceError: the file was changed meanwhile, or isn't there any more.
        """
        if item.uri not in self._spans:
            for _ in self.items():
                pass
        start, end, version = self._spans.get(item.uri, (0, 0, ""))
        with self._mapped() as data:
            mail = data[start:end]
        if not mail or xxhash.xxh3_128_hexdigest(mail) != version:
            raise SourceError(
                f"can't read {item.uri}: the mailbox was changed meanwhile", hint="list it again"
            )
        return RawDocument(item.uri, "mail.eml", plain(mail))

    @contextmanager
    def _mapped(self) -> Iterator[mmap.mmap]:
        try:
            with self._path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield data
        except (OSError, ValueError) as error:  # an empty file can't be mapped
            reason = getattr(error, "strerror", None) or error
            raise SourceError(f"can't read {self.uri}: {reason}", hint="check the path") from error
