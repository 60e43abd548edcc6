"""What is attached to an Outlook message (MSG)."""

from __future__ import annotations

from collections.abc import Iterator

from ragent.types import Failure, RawDocument, UnpackLimits
from ragent_connectors.containers.naming import Shelf, too_large
from ragent_connectors.parsers.msg import looks_like_msg, read_msg


class MsgContainer:
    """Takes Outlook messages; their members are the attached files."""

    is_document = True

    def accepts(self, raw: RawDocument) -> float:
        return 1.0 if looks_like_msg(raw) else 0.0

    def members(self, raw: RawDocument, limits: UnpackLimits) -> Iterator[RawDocument | Failure]:
        shelf = Shelf(raw)
        for number, attachment in enumerate(read_msg(raw).attachments, 1):
            name = (attachment.file_name or "attachment").rstrip("\0")
            uri = shelf.numbered(number, name)
            data = attachment.file_bytes
            if data is None:
                yield Failure(uri, "it is a message within a message: save it as a file of its own")
            elif len(data) > limits.member_bytes:
                yield too_large(uri, limits.member_bytes)
            else:
                yield RawDocument(uri, name, data)
