"""MBOX files: many mails in one text file, each after a line that begins with "From "."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragent.errors import ParseError
from ragent.types import Failure, RawDocument, UnpackLimits
from ragent_connectors.containers.naming import Shelf, too_large
from ragent_connectors.parsers.mail import looks_like_mail

# An envelope line ends with a date: "From someone@example.org Thu Jan  1 00:00:00 1970".
_ENVELOPE = re.compile(rb"^From \S[^\r\n]{0,200}\d{4}[^\r\n]{0,20}\r?\n(?=[!-9;-~]{1,80}:)", re.MULTILINE)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_ID = re.compile(rb"^Message-ID:[ \t]*(?:\r?\n[ \t]+)?<([^<>\s]+)>", re.IGNORECASE | re.MULTILINE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")


class MboxContainer:
    """Takes what begins with an envelope line and the headers of a mail. Each mail is a member.

    Some programs write that line into single mails too: a file called .eml is one mail.
    """

    is_document = False

    def accepts(self, raw: RawDocument) -> float:
        match = None if raw.name.lower().endswith(".eml") else _ENVELOPE.match(raw.data)
        return 1.0 if match and looks_like_mail(raw.data[match.end() :]) else 0.0

    def members(self, raw: RawDocument, limits: UnpackLimits) -> Iterator[RawDocument | Failure]:
        shelf, start = Shelf(raw), None
        number = 0
        for match in (*_ENVELOPE.finditer(raw.data), None):
            if start is not None:
                number += 1
                data = raw.data[start : match.start() if match else len(raw.data)]
                yield _mail(shelf, number, data, limits)
            start = match.end() if match else None
        if number == 0:
            raise ParseError(f"{raw.name} holds no mail", hint="it is damaged: export the mailbox again")


def _mail(shelf: Shelf, number: int, data: bytes, limits: UnpackLimits) -> RawDocument | Failure:
    """Named by its Message-ID where it has one, so that it keeps its uri when others are deleted."""
    head = data[: end.start()] if (end := _HEAD_END.search(data)) else data
    found = _ID.search(head)
    uri = shelf.place(found[1].decode("latin-1").replace("/", "_") + ".eml") if found else ""
    if not isinstance(uri, str) or not uri:
        uri = shelf.numbered(number, "mail.eml")
    if len(data) > limits.member_bytes:
        return too_large(uri, limits.member_bytes)
    return RawDocument(uri, f"mail-{number}.eml", _QUOTED.sub(rb"\1", data))
