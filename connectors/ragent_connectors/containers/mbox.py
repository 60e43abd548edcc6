"""MBOX files: many mails in one text file, each after a line that begins with "From "."""

from __future__ import annotations

import re
from collections.abc import Iterator
from mmap import mmap

from ragent.errors import ParseError
from ragent.types import Failure, RawDocument, UnpackLimits
from ragent_connectors.containers.naming import Shelf, too_large
from ragent_connectors.parsers.mail import looks_like_mail

# An envelope line ends with a date: "From someone@example.org Thu Jan  1 00:00:00 1970".
_ENVELOPE = re.compile(rb"^From \S[^\r\n]{0,200}\d{4}[^\r\n]{0,20}\r?\n(?=[!-9;-~]{1,80}:)", re.MULTILINE)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_ID = re.compile(rb"^Message-ID:[ \t]*(?:\r?\n[ \t]+)?<([^<>\s]+)>", re.IGNORECASE | re.MULTILINE)
_HEAD = 65_536  # longer headers are not looked through
_HEAD_END = re.compile(rb"\r?\n\r?\n")


class MboxContainer:
    """Takes what begins with an envelope line and the headers of a mail. Each mail is a member.

    Some programs write that line into single mails too: a file called .eml is one mail.
    """

    is_document = False

    def accepts(self, raw: RawDocument) -> float:
        match = None if raw.name.lower().endswith(".eml") else _ENVELOPE.match(raw.data)
        return 1.0 if match and looks_like_mail(raw.data[match.end() : match.end() + _HEAD]) else 0.0

    def members(self, raw: RawDocument, limits: UnpackLimits) -> Iterator[RawDocument | Failure]:
        shelf, number = Shelf(raw), 0
        for number, (start, end) in enumerate(spans(raw.data), 1):
            uri = name_mail(shelf, number, raw.data[start : min(end, start + _HEAD)])
            if end - start > limits.member_bytes:
                yield too_large(uri, limits.member_bytes)
            else:
                yield RawDocument(uri, f"mail-{number}.eml", plain(raw.data[start:end]))
        if number == 0:
            raise ParseError(f"{raw.name} holds no mail", hint="it is damaged: export the mailbox again")


def spans(data: bytes | mmap) -> Iterator[tuple[int, int]]:
    """From where to where each mail goes, one after the other, without the envelope lines."""
    start = None
    for match in _ENVELOPE.finditer(data):
        if start is not None:
            yield start, match.start()
        start = match.end()
    if start is not None:
        yield start, len(data)


def name_mail(shelf: Shelf, number: int, head: bytes) -> str:
    """The uri of a mail: by its Message-ID where it has one, so that it stays when others are deleted."""
    head = head[: end.start()] if (end := _HEAD_END.search(head)) else head
    found = _ID.search(head)
    uri = shelf.place(found[1].decode("latin-1").replace("/", "_") + ".eml") if found else ""
    return uri if isinstance(uri, str) and uri else shelf.numbered(number, "mail.eml")


def plain(mail: bytes) -> bytes:
    """A mail without the > that mailboxes put before lines that begin with "From "."""
    return _QUOTED.sub(rb"\1", mail)
