"""Where tasks are read: in this process, or in others under limits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Protocol, TypeVar

from ragent.config import IngestSettings
from ragent.ingest.processes import Processes
from ragent.ingest.reader import Limits
from ragent.ingest.work import Piece, Task, Work
from ragent.protocols import Chunker

Step = TypeVar("Step")


class Reading(Protocol):
    """Reads tasks."""

    def read(
        self, work: Work, steps: Iterator[tuple[Step, Task | None]]
    ) -> Iterator[tuple[Step, Piece | None]]:
        """The pieces of each step's task, in order of the steps; None for a step without one."""


class Here:
    """Reads in this process, one task after the other, without limits."""

    def read(
        self, work: Work, steps: Iterator[tuple[Step, Task | None]]
    ) -> Iterator[tuple[Step, Piece | None]]:
        """See `Reading`."""
        for step, task in steps:
            if task is None:
                yield step, None
                continue
            for piece in work.pieces(task):
                yield step, piece


def chunks_in_readers(chunker: Chunker) -> bool:
    """Whether readers can chunk: not where it takes the embedder, which is loaded here, once."""
    return not any(hasattr(part, "embed_documents") for part in getattr(chunker, "__dict__", {}).values())


def choose_reading(work: Work, settings: IngestSettings, most_ahead: int) -> Reading:
    """Processes wherever the work can be sent to them: parsers of a program's own main module can't be.

    They read no more than `most_ahead` tasks ahead.
    """
    if work.portable() is None:
        return Here()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limits = Limits(settings.file_seconds, settings.file_memory_mb)
    return Processes(settings.readers or cores or 1, limits, most_ahead)
