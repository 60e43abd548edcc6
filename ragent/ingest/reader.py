"""A reader process: takes tasks, gives pieces, and is ended by the system when a file exceeds its limits.

The time limit is an alarm that nobody handles: the kernel ends the process, whatever code it is in, and even
if the process that started it is gone. The memory limit makes allocations fail. Both cost one file.
"""

from __future__ import annotations

import pickle
import resource
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection

import psutil  # type: ignore[import-untyped]

from ragent.ingest.work import Piece, Task, Work, describe

READY, OPENED = "ready", "opened"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost: wall-clock seconds, and megabytes of a reader's memory."""

    seconds: float
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A piece of the task in hand. `retiring`: the reader ends after it, to give back memory."""

    piece: Piece
    retiring: bool = False


Job = tuple[Task, int]
"""A task, and how many of its files to pass over."""


def serve(descriptor: int) -> None:
    """Read until the other side hangs up. First come the pickled work and the limits, then lists of jobs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Connection(descriptor) as connection:
        try:
            pickled, limits = connection.recv()
            work: Work = pickle.loads(pickled)  # noqa: S301  (our own parent's)
            connection.send(READY)
            _limit(limits)
            while _do(connection.recv(), connection, work, limits):
                pass
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


def _do(jobs: list[Job], connection: Connection, work: Work, limits: Limits) -> bool:
    """Whether to go on."""

    def tell(message: Reply | str) -> None:
        # Waiting for the other side to listen is no fault of the file's.
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(connection, message)
        signal.setitimer(signal.ITIMER_REAL, limits.seconds)

    for task, after in jobs:
        signal.setitimer(signal.ITIMER_REAL, limits.seconds)
        for piece in work.pieces(task, after=after, opened=lambda: tell(OPENED)):
            retiring = piece.last and _is_large(limits)
            tell(Reply(piece, retiring))
            if retiring:
                return False
    signal.setitimer(signal.ITIMER_REAL, 0)
    return True


def _send(connection: Connection, message: Reply | str) -> None:
    try:
        connection.send(message)
    except MemoryError as error:
        if isinstance(message, str):
            raise
        piece = Piece(message.piece.uri, error=describe(error), last=message.piece.last)
        connection.send(Reply(piece, message.retiring))


def _limit(limits: Limits) -> None:
    # A crash must not leave the text of a document in a core file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = limits.memory_mb * 1_000_000
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    # Private writable memory: what a file makes a parser allocate, without the libraries it maps.
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _is_large(limits: Limits) -> bool:
    resident: int = psutil.Process().memory_info().rss
    return resident > limits.memory_mb * 1_000_000 / 2
