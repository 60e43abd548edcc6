"""What ingestion tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DocumentStatus = Literal["added", "updated", "unchanged", "moved", "duplicate", "gone", "deleted", "failed"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A thing that could not be ingested, and the error that says why."""

    uri: str
    error: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingestion did. `interrupted`: Ctrl-C ended it after a whole batch; run it again to go on.

    `embedded` counts the chunks, of all that were written, whose text was new. `duplicates` are documents
    that repeat another one, whether kept or left out.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    deleted: int = 0
    duplicates: int = 0
    failed: tuple[Failure, ...] = ()
    chunks: int = 0
    embedded: int = 0
    seconds: float = 0.0
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class DocumentReport:
    """What became of one document.

    Attributes:
        uri: The document, or the source that could not be listed.
        status: `duplicate` was left out because it repeats another; `gone` is no longer there, but kept.
        chunks: How many it has now, where it was read.
        seconds: Spent on reading it.
        detail: The error, where it was before, or which document it repeats.
    """

    uri: str
    status: DocumentStatus
    chunks: int = 0
    seconds: float = 0.0
    detail: str = ""
