"""Mail (EML, RFC 5322): a short head, then the body. What is attached is a document of its own."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.headerregistry import HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import default as default_policy
from email.utils import parsedate_to_datetime
from typing import Any

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.decoding import clean, decode, unicode_encoding
from ragent_connectors.parsers.html import HtmlParser
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

_HEAD_BYTES = 16384
_FIELD = re.compile(rb"([!-9;-~]{1,80}):[ \t]*[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*(?:\r?\n|$)")
_ENVELOPE = re.compile(rb"From [^\r\n]*\r?\n")
_KNOWN = {
    *(b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"mime-version", b"content-type"),
    *(b"received", b"return-path", b"delivered-to", b"reply-to", b"sender", b"x-mailer", b"in-reply-to"),
}
_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_BLANKS = re.compile(r"\n[ \t]*\n\s*")
_MAX_PARTS = 10_000
_LONGEST_HEADER = 10_000
_HEADERS = HeaderRegistry()
_PLAIN_HEADERS = HeaderRegistry(default_class=UnstructuredHeader, use_default_map=False)


def looks_like_mail(data: bytes, name: str = "") -> float:
    """How sure it is that the bytes are one mail, by the header fields at their beginning."""
    head, known = _as_utf8(data[:_HEAD_BYTES]), set[bytes]()
    is_named = name.lower().endswith(".eml")
    envelope = _ENVELOPE.match(head) if is_named else None
    place = envelope.end() if envelope else 0
    while field := _FIELD.match(head, place):
        if (key := field[1].lower()) in _KNOWN:
            known.add(key)
        place = field.end()
    sender = known & {b"from", b"received", b"return-path", b"message-id"}
    if sender and len(known) >= 3:
        return 0.95
    return 0.8 if known and is_named else 0.0


def read_mail(raw: RawDocument) -> EmailMessage:
    """Parse the structure of a mail. A malformed header is kept as it is written."""
    policy = default_policy.clone(header_factory=_header)
    mail: EmailMessage = message_from_bytes(_as_utf8(raw.data), policy=policy)
    return mail


def is_encrypted(mail: EmailMessage) -> bool:
    """Whether nothing but the head can be read (RFC 1847, 2.2)."""
    return mail.get_content_type() == "multipart/encrypted"


def split_parts(mail: EmailMessage) -> tuple[list[EmailMessage], list[EmailMessage]]:
    """The parts to read as the body, in order, and those that are attached. Inline pictures are neither."""
    bodies: list[EmailMessage] = []
    attached: list[EmailMessage] = []
    stack = [mail]
    for _ in range(_MAX_PARTS):
        if not stack:
            break
        part = stack.pop()
        kind = part.get_content_type()
        if kind == "multipart/alternative":
            stack.extend(_best(_children(part)))
        elif kind == "multipart/related":
            stack.extend(p for p in reversed(_children(part)) if p.get_content_maintype() != "image")
        elif part.get_content_maintype() == "multipart":
            stack.extend(reversed(_children(part)))
        elif kind in ("text/plain", "text/html") and not _is_file(part):
            bodies.append(part)
        elif not _is_decoration(part):
            attached.append(part)
    return bodies, attached


def part_bytes(part: EmailMessage) -> bytes:
    """The decoded contents of a part; a forwarded mail's are its source."""
    if part.get_content_maintype() == "message" and part.is_multipart():
        return b"\n".join(child.as_bytes() for child in _children(part))
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


class MailParser:
    """Takes what begins with the header fields of a mail."""

    def accepts(self, raw: RawDocument) -> float:
        return looks_like_mail(raw.data, raw.name)

    def parse(self, raw: RawDocument) -> Document:
        mail = read_mail(raw)
        if is_encrypted(mail):
            raise ParseError(f"{raw.name} is encrypted", hint="decrypt it in your mail program and export it")
        fields = {name.lower(): _shown(mail[name]) for name in _SHOWN if mail[name]}
        writer = TextWriter()
        write_head(writer, fields)
        for part in split_parts(mail)[0]:
            _write_body(writer, part, raw)
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (fields.get("subject"),)),
            text=writer.text,
            media_type="message/rfc822",
            blocks=writer.blocks,
            metadata={**fields, **_moment(fields.get("date", ""))},
        )


def write_head(writer: TextWriter, fields: dict[str, str]) -> None:
    """Subject as a heading, then who wrote to whom and when."""
    writer.add("heading", fields.get("subject", ""), 1)
    lines = [f"{name}: {fields[name.lower()]}" for name in _SHOWN[:-1] if fields.get(name.lower())]
    writer.add("paragraph", "\n".join(lines))


def write_html(writer: TextWriter, html: str, name: str) -> None:
    """The text of an HTML body, with its blocks; nothing where it has no text."""
    try:
        page = HtmlParser().parse(RawDocument("", name, html.encode("utf-8", "replace")))
    except ParseError:
        return
    for block in page.blocks:
        writer.add(block.kind, page.text[block.start : block.end], block.level)


def write_plain(writer: TextWriter, text: str) -> None:
    """The text of a plain body; paragraphs stand between blank lines, `>` marks a quotation."""
    for paragraph in _BLANKS.split(text.replace("\r\n", "\n").replace("\r", "\n")):
        writer.add("quote" if paragraph.startswith(">") else "paragraph", paragraph)


def _write_body(writer: TextWriter, part: EmailMessage, raw: RawDocument) -> None:
    data = part_bytes(part)
    if not data.strip():
        return
    charset = part.get_content_charset() or "utf-8"
    try:
        text = data.decode(charset)
    except (LookupError, UnicodeError):
        text = decode(RawDocument(raw.uri, raw.name, data))
    if part.get_content_type() == "text/html":
        write_html(writer, text, raw.name)
    else:
        write_plain(writer, text)


def _best(alternatives: list[EmailMessage]) -> list[EmailMessage]:
    """The plain version unless it is blank, else the last one, which is the richest (RFC 2046, 5.1.4)."""
    plain = (p for p in alternatives if p.get_content_type() == "text/plain" and part_bytes(p).strip())
    readable = (p for p in reversed(alternatives) if p.get_content_maintype() in ("text", "multipart"))
    chosen = next(plain, None) or next(readable, None)
    extra = [p for p in alternatives if p is not chosen and _is_file(p)]
    return [*extra, chosen] if chosen is not None else extra


def _children(part: EmailMessage) -> list[EmailMessage]:
    payload = part.get_payload()
    return (
        [child for child in payload if isinstance(child, EmailMessage)] if isinstance(payload, list) else []
    )


def _is_file(part: EmailMessage) -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _is_decoration(part: EmailMessage) -> bool:
    """Pictures shown within the body, signatures, and reports about delivery."""
    kind = part.get_content_type()
    if part.get_content_maintype() == "image":
        return bool(part["Content-ID"]) and part.get_content_disposition() != "attachment"
    return kind in ("application/pgp-signature", "application/pkcs7-signature") or kind.startswith(
        "message/delivery"
    )


def _header(name: str, value: str) -> Any:
    """The standard library's header, or the plain text where its own parser trips over it.

    Its parser's time grows with the square of the length: 20,000 recipients take it minutes.
    """
    if not value.isascii():
        value = _decoded(value)
    if len(value) > _LONGEST_HEADER:
        return value.replace("\r", "").replace("\n", "")
    try:
        return _HEADERS(name, value)
    except Exception:
        return _PLAIN_HEADERS(name, value)


def _decoded(value: str) -> str:
    """A header with bytes above 127 in it, which it should not have (they arrive as lone surrogates)."""
    data = value.encode("utf-8", "surrogateescape")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _shown(value: Any) -> str:
    return " ".join(clean(str(value)).split())


def _moment(date: str) -> dict[str, str]:
    try:
        return {"created": parsedate_to_datetime(date).isoformat()}
    except (ValueError, TypeError, IndexError, OverflowError):
        return {}


def _as_utf8(data: bytes) -> bytes:
    encoding = unicode_encoding(data)
    return data.decode(encoding, "ignore").removeprefix("\ufeff").encode() if encoding else data
