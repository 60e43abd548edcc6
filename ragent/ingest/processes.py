"""Reading in processes, each file under limits: a hang, a bomb or a crash costs that file alone.

The processes are started like any other program, not by `multiprocessing`: that would run the user's script
again in each of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import IO, Any, TypeVar

from ragent.errors import RagentError
from ragent.ingest.ahead import Ahead
from ragent.ingest.reader import OPENED, READY, Job, Limits, Reply
from ragent.ingest.work import Piece, Task, Work

Step = TypeVar("Step")

_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from ragent.ingest.reader import serve; "
_JOBS_A_GROUP = 16
_BYTES_A_GROUP = 1 << 20
MOST_AHEAD = 512
_MOST_BYTES = 64 << 20
_MOST_CRASHES = 3
_GROUPS_WAITING = 4
_LAST_WORDS_SECONDS = 5.0


@dataclass(slots=True)
class _Slot:
    """A step on its way: its task until it is done, and the pieces that came back but weren't taken."""

    step: Any
    task: Task | None
    pieces: deque[Piece | None] = field(default_factory=deque)
    taken: int = 0
    opened: bool = False
    crashes: int = 0
    weight: int = 0

    @property
    def done(self) -> bool:
        return self.task is None


@dataclass(slots=True)
class _Reader:
    process: subprocess.Popen[bytes]
    connection: Connection
    errors: IO[bytes]
    group: deque[_Slot] = field(default_factory=deque)
    ready: bool = False
    given_work: bool = False


class Processes:
    """Reads with `count` processes, started when there is something to read.

    At most `most_ahead` tasks are in their hands, and as many pieces are kept that nobody took yet.
    """

    def __init__(self, count: int, limits: Limits, most_ahead: int = MOST_AHEAD) -> None:
        self._count = count
        self._limits = limits
        self._most_ahead = most_ahead

    def read(
        self, work: Work, steps: Iterator[tuple[Step, Task | None]]
    ) -> Iterator[tuple[Step, Piece | None]]:
        """The pieces of each step's task, in order of the steps; None for a step without one.

        `steps` is iterated some way ahead, in another thread.

        Raises:
            RagentError: the reader processes can't be started.
        """
        load = work.portable()
        if load is None:
            raise ValueError("this work can't be sent to another process")
        for step, task in steps:
            if task is None:
                yield step, None
                continue
            pool = Pool(self._count, self._limits, load, self._most_ahead)
            made = Ahead(pool.run(_chained((step, task), steps)), self._weigh, _MOST_BYTES)
            try:
                yield from made
            finally:
                pool.stop()
                made.close()
                pool.close()

    def _weigh(self, taken: tuple[Step, Piece | None]) -> int:
        piece = taken[1]
        least = 1024 if self._most_ahead >= MOST_AHEAD else _MOST_BYTES // self._most_ahead
        return max(least, 1024 + (_weight(piece) if piece else 0))


def _chained(
    first: tuple[Step, Task | None], rest: Iterator[tuple[Step, Task | None]]
) -> Iterator[tuple[Step, Task | None]]:
    yield first
    yield from rest


def _weight(piece: Piece) -> int:
    return 4 * len(piece.document.text) if piece.document else 0


class Pool:
    """Reader processes that live from one `run` to the next, until `close`."""

    def __init__(self, count: int, limits: Limits, work: bytes, most_slots: int = MOST_AHEAD) -> None:
        self._count = count
        self._limits = limits
        self._work = work
        self._most_slots = most_slots
        self._readers: list[_Reader] = []
        self._slots: deque[_Slot] = deque()
        self._waiting: deque[_Slot] = deque()
        self._stopping = False

    def run(self, steps: Iterator[tuple[Step, Task | None]]) -> Generator[tuple[Step, Piece | None]]:
        """See `Processes.read`. Not to be called again before it has ended."""
        more = True
        while more or self._slots:
            yield from self._finished()
            more = more and self._take_in(steps)
            if self._stopping:
                return
            self._hand_out()
            if self._slots and not self._is_head_ready():
                self._receive()

    def stop(self) -> None:
        """End `run` from another thread."""
        self._stopping = True
        for reader in list(self._readers):
            reader.process.kill()

    def close(self) -> None:
        """End the processes."""
        for reader in self._readers:
            reader.process.kill()
            _end(reader)
        self._readers.clear()

    def _is_head_ready(self) -> bool:
        return bool(self._slots[0].pieces) or self._slots[0].done

    def _finished(self) -> Iterator[tuple[Step, Piece | None]]:
        while self._slots and self._is_head_ready():
            head = self._slots[0]
            while head.pieces:
                yield head.step, head.pieces.popleft()
            if not head.done:
                head.weight = 0
                return
            self._slots.popleft()

    def _take_in(self, steps: Iterator[tuple[Step, Task | None]]) -> bool:
        """Fill the queue up to its bounds; whether there is more to come."""
        while len(self._slots) < self._most_slots and self._weight() < _MOST_BYTES:
            following = next(steps, None)
            if following is None:
                return False
            step, task = following
            slot = _Slot(step, task)
            self._slots.append(slot)
            if task is None:
                slot.pieces.append(None)
                if len(self._slots) == 1:
                    return True
            else:
                slot.weight = len(task.raw.data)
                self._waiting.append(slot)
                if len(self._waiting) >= _GROUPS_WAITING * _JOBS_A_GROUP * self._count:
                    return True
        return True

    def _weight(self) -> int:
        return sum(slot.weight for slot in self._slots)

    # -- giving -----------------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        wanted = min(self._count, 1 + len(self._waiting) // _JOBS_A_GROUP)
        while self._waiting and len(self._readers) < wanted:
            self._readers.append(_start())
        for reader in list(self._readers):
            if self._waiting and not reader.group:
                self._give(reader)

    def _give(self, reader: _Reader) -> None:
        share = max(1, min(_JOBS_A_GROUP, len(self._waiting) // self._count))
        size = 0
        jobs: list[Job] = []
        while self._waiting and len(jobs) < share and size < _BYTES_A_GROUP:
            slot = self._waiting.popleft()
            if slot.task is None:
                raise ValueError("a finished slot can't wait")
            reader.group.append(slot)
            jobs.append((slot.task, slot.taken))
            size += len(slot.task.raw.data)
        try:
            if not reader.given_work:
                reader.given_work = True
                reader.connection.send((self._work, self._limits))
            reader.connection.send(jobs)
        except OSError:
            if reader.ready:
                self._retire(reader)  # it died while idle, which is no fault of these files
            else:
                self._bury(reader)

    # -- taking -----------------------------------------------------------------------------------------

    def _receive(self) -> None:
        busy = [reader for reader in self._readers if reader.group]
        if self._weight() >= _MOST_BYTES:
            # Memory is full of what must wait for the head: listen to nobody but who reads it.
            busy = [reader for reader in busy if self._slots[0] in reader.group] or busy
        by_connection = {reader.connection: reader for reader in busy}
        for connection in wait(list(by_connection)):
            reader = by_connection[connection]  # type: ignore[index]
            try:
                self._note(reader, reader.connection.recv())
            except (EOFError, OSError):
                self._bury(reader)

    def _note(self, reader: _Reader, message: Reply | str) -> None:
        if message == READY:
            reader.ready = True
            return
        slot = reader.group[0]
        if not isinstance(message, Reply):
            slot.opened = slot.opened or message == OPENED
            return
        slot.pieces.append(message.piece)
        slot.taken += 1
        slot.weight += _weight(message.piece)
        if message.piece.last:
            self._finish(reader)
        if message.retiring:
            self._retire(reader)

    def _finish(self, reader: _Reader) -> None:
        slot = reader.group.popleft()
        slot.task = None
        slot.weight = sum(_weight(piece) for piece in slot.pieces if piece)

    def _bury(self, reader: _Reader) -> None:
        """A reader died. The file in its hands failed; the rest of its group goes to others."""
        code, said = _end(reader)
        self._readers.remove(reader)
        if self._stopping:
            return
        if not reader.ready:
            raise RagentError(
                f"can't start a reader process (exit code {code}): {said}",
                hint="if there are too many processes, set readers = 1 in [ingest]",
            )
        slot = reader.group[0]
        slot.crashes += 1
        uri = slot.task.raw.uri if slot.task else ""
        if slot.opened and slot.crashes < _MOST_CRASHES:
            where = f"{uri} (file {slot.taken + 1} in it)"
            slot.pieces.append(Piece(where, error=_reason(code, self._limits), last=False))
            slot.taken += 1
        else:
            slot.pieces.append(Piece(uri, error=_reason(code, self._limits)))
            self._finish(reader)
        self._waiting.extendleft(reversed(reader.group))

    def _retire(self, reader: _Reader) -> None:
        self._readers.remove(reader)
        _end(reader)
        self._waiting.extendleft(reversed(reader.group))


def _start() -> _Reader:
    ours, theirs = socket.socketpair()
    errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by _end)
    # Readers share the cores among them: a tokenizer's own threads would only get in their way.
    environment = os.environ | {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    with theirs:
        process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
            [sys.executable, "-P", "-c", _START + f"serve({theirs.fileno()})", json.dumps(sys.path)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environment,
            process_group=0,
        )
    return _Reader(process, Connection(ours.detach()), errors)


def _end(reader: _Reader) -> tuple[int, str]:
    """Its exit code and last words. Also ends what it started itself, such as an OCR program."""
    reader.connection.close()
    try:
        code = reader.process.wait(_LAST_WORDS_SECONDS)
    except subprocess.TimeoutExpired:
        reader.process.kill()
        code = reader.process.wait()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(reader.process.pid, signal.SIGKILL)
    with reader.errors as errors:
        errors.seek(0)
        lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return code, lines[-1] if lines else "no message"


def _reason(code: int, limits: Limits) -> str:
    if code == -signal.SIGALRM:
        return (
            f"reading it took over {limits.seconds:g} s; raise file_seconds of [ingest] if it may take longer"
        )
    if code == -signal.SIGKILL:
        return "its reader was killed from outside, perhaps because memory ran out"
    if code == -signal.SIGABRT:  # what programs in C and Rust do where an allocation fails
        return "it needs more memory than a file may have (raise file_memory_mb of [ingest]), or is damaged"
    if code < 0:
        return f"it crashed its reader ({signal.Signals(-code).name}); the file is probably damaged"
    return f"its reader ended early (exit code {code})"
