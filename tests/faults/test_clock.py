"""The wall clock jumps, by hours or years, back and forth, while a process works."""

from __future__ import annotations

import json
import mmap
import os
import random
import select
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ragent.store import Store, TraceStore, Wanted
from tests.faults.clocked import note_trace
from tests.faults.harness import PATIENCE_SECONDS, Outcome, Record, survive
from tests.faults.scenes import Ledger, Place, bring_in, change, check, check_end, copy_home, write_first

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
JUMPS = (3600, 86_400, 40 * 86_400, 365 * 86_400, 10 * 365 * 86_400)


@dataclass(frozen=True)
class Clocked:
    """A process whose clock can be moved."""

    process: subprocess.Popen[str]
    offset: mmap.mmap

    def move(self, seconds: int) -> None:
        """Have its clock be so far ahead of the right one."""
        self.offset[:8] = struct.pack("q", seconds)

    def do(self, place: Place, ledger: Path) -> tuple[str, float]:
        """What was wrong, "" for nothing, and the time that it believes it is."""
        asked = {"home": str(place.home), "documents": str(place.documents), "ledger": str(ledger)}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], PATIENCE_SECONDS)[0]:
            return "it hangs", 0.0
        said, now = json.loads(self.process.stdout.readline())
        return said, now


@pytest.fixture
def clocked(tmp_path: Path) -> Iterator[Clocked]:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("moving a process's clock takes a C compiler: install gcc")
    library, path = tmp_path / "clock.so", tmp_path / "offset"
    source = Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    path.write_bytes(bytes(8))
    variables = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(path)}
    with (
        path.open("r+b") as file,
        mmap.mmap(file.fileno(), 8) as offset,
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.clocked"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **variables},
        ) as process,
    ):
        yield Clocked(process, offset)
        process.kill()


def test_jumps_back_and_forth_lose_nothing(clocked: Clocked, tmp_path: Path, record_property: Record) -> None:
    first = write_first(tmp_path / "documents")
    before = Place(tmp_path / "before", first.documents)
    bring_in(before)
    with Store.open(before.home) as store:
        note_trace(store, "a")
    scene = change(first)
    place = Place(tmp_path / "home", scene.documents)
    ledger = Ledger(tmp_path / "ledger")

    def timed() -> float:
        copy_home(before.home, place.home)
        began = time.monotonic()
        assert clocked.do(place, ledger.path)[0] == ""
        return time.monotonic() - began

    clocked.move(JUMPS[-1])
    copy_home(before.home, place.home)
    said, now = clocked.do(place, ledger.path)
    assert said == ""
    assert now - time.time() > JUMPS[-1] - PATIENCE_SECONDS  # it does believe the moved clock
    clocked.move(0)
    length = timed()
    ledger.take()

    def strike(number: int, moment: float) -> Outcome:
        rng = random.Random(number)
        date_changes(scene.documents, rng)
        copy_home(before.home, place.home)
        with jumping(clocked, rng, moment * length) as jumps:
            said, _ = clocked.do(place, ledger.path)
            came = list(jumps)
        problems = [said] if said else []
        problems += check(place, scene, ledger.take())
        problems += check_end(place, scene)
        with Store.open(place.home) as store:
            kept = {trace.root.name for trace in TraceStore(store).last(Wanted())}
        if kept != {"a", "b"}:
            problems.append(f"of the traces a and b, there is {kept}")
        return Outcome("while it worked" if came else "", tuple(problems))

    survive("clock jumps", record_property, strike)


@contextmanager
def jumping(clocked: Clocked, rng: random.Random, seconds: float) -> Iterator[list[int]]:
    """Have the clock jump then, again and again; gives the jumps so far. At the end it is right again."""
    over = threading.Event()
    jumps: list[int] = []

    def jump() -> None:
        wait = seconds
        while not over.wait(wait):
            jumps.append(rng.choice((-1, 1)) * rng.choice(JUMPS))
            clocked.move(jumps[-1])
            wait = rng.uniform(0.05, 0.5)

    thread = threading.Thread(target=jump)
    thread.start()
    try:
        yield jumps
    finally:
        over.set()
        thread.join()
        clocked.move(0)


def date_changes(folder: Path, rng: random.Random) -> None:
    """Give files times that lie anywhere, as those have that were changed while the clock was wrong."""
    for path in folder.iterdir():
        if path.name.startswith("f") and rng.random() < 0.5:
            moment = time.time() + rng.choice((-1, 1)) * rng.choice(JUMPS)
            os.utime(path, (moment, moment))
