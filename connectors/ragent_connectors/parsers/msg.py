"""Outlook messages (MSG): a short head, then the body. What is attached is a document of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.decoding import clean
from ragent_connectors.parsers.mail import write_head, write_html, write_plain
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

if TYPE_CHECKING:
    from oxmsg import Message

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MARK = "__properties_version1.0".encode("utf-16-le")


def looks_like_msg(raw: RawDocument) -> bool:
    """Whether the bytes are an OLE file with the property stream that every message has ([MS-OXMSG] 2.4)."""
    return raw.data.startswith(_OLE) and _MARK in raw.data


def read_msg(raw: RawDocument) -> Message:
    """Open an Outlook message.

    Raises:
        ParseError: it is damaged.
    """
    from oxmsg import Message

    try:
        return Message.load(raw.data)
    except Exception as error:
        raise ParseError(
            f"{raw.name} is not a readable Outlook message: {error}", hint="save it again, or as .eml"
        ) from error


class MsgParser:
    """Takes OLE files with the property stream of a message."""

    def accepts(self, raw: RawDocument) -> float:
        return 1.0 if looks_like_msg(raw) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        message = read_msg(raw)
        fields = _fields(message)
        writer = TextWriter()
        write_head(writer, fields)
        if (plain := _body(message)).strip():
            write_plain(writer, plain)
        else:
            write_html(writer, _html(message), raw.name)
        if not writer.text:
            raise ParseError(f"{raw.name} holds no text", hint="if its body is RTF only, save it as .eml")
        sent = message.sent_date
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (fields.get("subject"),)),
            text=writer.text,
            media_type="application/vnd.ms-outlook",
            blocks=writer.blocks,
            metadata={**fields, **({"created": sent.isoformat()} if sent else {})},
        )


def _fields(message: Message) -> dict[str, str]:
    recipients = [
        f"{person.name} <{person.email_address}>" if person.email_address else person.name
        for person in message.recipients
    ]
    found = {
        "from": message.sender or "",
        "to": ", ".join(recipients),
        "date": message.message_headers.get("Date", ""),
        "subject": message.subject,
    }
    return {name: " ".join(clean(value).split()) for name, value in found.items() if value.strip()}


def _body(message: Message) -> str:
    return (message.body or "").rstrip("\0")


def _html(message: Message) -> str:
    try:
        return message.html_body or ""
    except (LookupError, UnicodeError):
        return ""
