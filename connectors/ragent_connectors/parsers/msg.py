"""Outlook messages (MSG): a short head, then the body. What is attached is a document of its own."""

from __future__ import annotations

import re
from email.header import decode_header, make_header
from typing import TYPE_CHECKING

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.decoding import clean
from ragent_connectors.parsers.mail import write_head, write_html, write_plain
from ragent_connectors.parsers.rtf_packed import unpack_rtf
from ragent_connectors.parsers.rtf_reader import RtfReader
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

if TYPE_CHECKING:
    from oxmsg import Message

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP, _RTF = 0x0C1A, 0x0C1F, 0x5D01, 0x1009
# RTF made from HTML keeps the tags in groups ([MS-OXRTFEX]), and sometimes tells only there where lines end.
_HTML_BREAK = re.compile(r"\{\\\*\\htmltag\d+ ?</?(?:p|div|li|tr|br|h\d)\b[^{}]*\}")
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
        elif html := _html(message):
            write_html(writer, html, raw.name)
        elif packed := message.properties.binary_prop_value(_RTF):
            rtf = unpack_rtf(packed).decode("latin-1")
            RtfReader(writer).read(_HTML_BREAK.sub(r"\\par ", rtf))
        if not writer.text:
            raise ParseError(f"{raw.name} holds no text", hint="it has neither subject nor body")
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
    people = [_person(one.name, one.email_address) for one in message.recipients]
    found = {
        "from": _sender(message),
        "to": ", ".join(person for person in people if person),
        "date": message.message_headers.get("Date", ""),
        "subject": message.subject,
    }
    return {name: " ".join(clean(value).split()) for name, value in found.items() if value.strip()}


def _sender(message: Message) -> str:
    """Whom Outlook shows; among colleagues the address is no mail address, but the headers may tell it."""
    properties = message.properties
    addresses = (properties.str_prop_value(name) or "" for name in (_SENDER_SMTP, _SENDER_ADDRESS))
    address = next((one for one in addresses if "@" in one), "")
    name = properties.str_prop_value(_SENDER_NAME) or ""
    shown = str(make_header(decode_header(message.sender or "")))
    return _person(name, address) if address else shown or name


def _person(name: str, address: str) -> str:
    return f"{name} <{address}>" if name and address and name != address else address or name


def _body(message: Message) -> str:
    return (message.body or "").rstrip("\0")


def _html(message: Message) -> str:
    try:
        return message.html_body or ""
    except (LookupError, UnicodeError):
        return ""
