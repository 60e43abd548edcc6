"""What is attached to a mail (EML)."""

from __future__ import annotations

from collections.abc import Iterator

from ragent.types import Failure, RawDocument, UnpackLimits
from ragent_connectors.containers.naming import Shelf, too_large
from ragent_connectors.parsers.mail import is_encrypted, looks_like_mail, part_bytes, read_mail, split_parts

_ENDINGS = {"text/html": ".html", "text/plain": ".txt", "application/pdf": ".pdf", "text/calendar": ".ics"}


class MailContainer:
    """Takes mails; their members are the attachments, forwarded mails included, inline pictures not."""

    is_document = True

    def accepts(self, raw: RawDocument) -> float:
        return looks_like_mail(raw.data, raw.name)

    def members(self, raw: RawDocument, limits: UnpackLimits) -> Iterator[RawDocument | Failure]:
        shelf, mail = Shelf(raw), read_mail(raw)
        if is_encrypted(mail):
            return
        for number, part in enumerate(split_parts(mail)[1], 1):
            is_mail = part.get_content_type() == "message/rfc822"
            ending = ".eml" if is_mail else _ENDINGS.get(part.get_content_type(), "")
            name = part.get_filename() or f"attachment{ending}"
            uri = shelf.numbered(number, name)
            data = part_bytes(part)
            if len(data) > limits.member_bytes:
                yield too_large(uri, limits.member_bytes)
            elif data.strip():
                yield RawDocument(uri, name, data)
