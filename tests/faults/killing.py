"""Processes that are killed in the middle of bringing documents in.

They are forked from one process that has imported everything, so that a round takes no longer than its work.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from tests.faults.harness import PATIENCE_SECONDS
from tests.faults.scenes import Ledger, Place, bring_in

_FORKING = get_context("forkserver")
_FORKING.set_forkserver_preload(["pytest", "faiss", "tantivy", "psycopg", "tests.faults.killing"])


@dataclass(frozen=True, slots=True)
class Killing:
    """When a process dies: upon its n-th call of a function, or after so many seconds of processor time.

    At a call, it is just between two steps; by the time, it can be in the middle of a write as well.
    """

    call: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Course:
    """How a run goes that nothing disturbs: its calls of functions, and processor time without counting."""

    calls: int
    seconds: float

    def killing(self, number: int, moment: float) -> Killing:
        """The two ways of killing in turns; `moment`, from 0 to 1, is when."""
        if number % 2:
            return Killing(call=1 + int(moment * self.calls))
        return Killing(seconds=moment * self.seconds)


def measure(place: Place, ledger: Path, *, counting: bool) -> Course:
    """Run to the end. Counting the calls takes time itself, so it is one or the other."""
    _, calls, seconds = _run(place, ledger, Killing(call=sys.maxsize if counting else 0))
    return Course(calls, seconds)


def kill(place: Place, ledger: Path, killing: Killing) -> int | None:
    """Run, and kill. The exit code: -9 where that came in time."""
    return _run(place, ledger, killing)[0]


def attempt(place: Place, ledger: Path) -> str:
    """Run in a process of its own, which may crash. What it failed with, "StoreError: ..." say, or ""."""
    mine, theirs = _FORKING.Pipe()
    process = _FORKING.Process(target=_try, args=(place, ledger, theirs))
    process.start()
    theirs.close()
    with mine:
        try:
            said = mine.recv() if mine.poll(PATIENCE_SECONDS) else "it hangs"
        except EOFError:
            process.join()
            said = f"it crashed: {process.exitcode}"
        process.kill()
        process.join()
    return str(said)


def _run(place: Place, ledger: Path, killing: Killing) -> tuple[int | None, int, float]:
    mine, theirs = _FORKING.Pipe()
    process = _FORKING.Process(target=_work, args=(place, ledger, killing.call, theirs))
    process.start()
    theirs.close()
    with mine:
        before = mine.recv()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while process.is_alive() and time.monotonic() < deadline:
            if killing.seconds and _processor_seconds(process.pid or 0) - before >= killing.seconds:
                break
            time.sleep(0.001)
        is_late = time.monotonic() >= deadline
        process.kill()
        process.join()
        calls, seconds = mine.recv() if process.exitcode == 0 and mine.poll() else (0, 0.0)
    if is_late:
        raise TimeoutError("it hangs")
    return process.exitcode, calls, seconds


def _try(place: Place, ledger: Path, connection: Connection) -> None:
    try:
        report = bring_in(place, Ledger(ledger).note)
    except BaseException as error:
        connection.send(f"{type(error).__name__}: {error}")
    else:
        connection.send(f"failed: {report.failed}" if report.failed else "")


def _work(place: Place, ledger: Path, last_call: int, connection: Connection) -> None:
    count = 0

    def look(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event != "return" and event != "c_return"
        if count == last_call:
            os.kill(os.getpid(), signal.SIGKILL)

    before = _processor_seconds(os.getpid())
    connection.send(before)
    if last_call:
        sys.setprofile(look)
    bring_in(place, Ledger(ledger).note)
    sys.setprofile(None)
    connection.send((count, _processor_seconds(os.getpid()) - before))


def _processor_seconds(pid: int) -> float:
    """What a process itself has used, which other work on the machine doesn't distort."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)
