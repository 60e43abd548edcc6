"""Kills ingestion with SIGKILL at many moments, and looks whether anything is lost, wrong or left behind.

    python evals/benchmarks/killing.py [--kills 50] [--seed 1] [--duplicates skip] [--folder FOLDER]

A folder of notes, a ZIP archive, a mailbox, repeated and damaged files is ingested; then files are changed,
moved, deleted and added. Each trial runs `ragent ingest` into an empty home, or `ragent sync --delete` after
the changes, and kills it. Half of the kills come after a drawn part of the processor time that an
undisturbed run takes, spread over all of it; the other half upon the n-th thing seen in the home's folder: a
file that appears, grows or is renamed, so in the middle of commits and of swapping indexes. After each kill
`Rag.fsck` must find nothing, every marked text in the database must be found, and no reader process may
be left; then the same command runs again, and the home must hold what the undisturbed one holds: documents,
chunks with their places and vectors, duplicates, signatures, bands and sources, ids aside.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]
from killing_checks import MARK, State, compare, look, state_of, survives, vectors_of
from killing_documents import change_documents, write_documents


@dataclass(frozen=True, slots=True)
class Killing:
    """When to kill: after so many processor seconds, or upon the n-th thing that happens in the home."""

    seconds: float | None = None
    event: int | None = None

    def __str__(self) -> str:
        return f"after {self.seconds:.2f} s" if self.seconds is not None else f"upon event {self.event}"


@dataclass(frozen=True, slots=True)
class Scene:
    """What is done to a home (by the command line's arguments), beginning with the home `before`, if any."""

    name: str
    before: Path | None
    command: tuple[str, ...]
    expected: State
    vectors: np.ndarray[Any, Any]
    seconds: float
    events: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a kill hit, and everything that was wrong afterwards."""

    scene: str
    killing: Killing
    phase: str
    problems: tuple[str, ...]


def main() -> None:
    """Run the trials, print each and a summary; exit code 1 if anything was wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work, kept afterwards [a temporary one]")
    parser.add_argument("--duplicates", choices=("keep", "skip"), default="keep")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        phases: Counter[str] = Counter()
        wrong = 0
        for outcome in trials(folder, arguments.kills, arguments.seed, arguments.duplicates):
            phases[f"{outcome.scene}: {outcome.phase}"] += 1
            wrong += bool(outcome.problems)
            print(
                f"{outcome.scene:7} {outcome.killing!s:16} {outcome.phase}", *outcome.problems, sep="\n    "
            )
        print(f"\n{arguments.kills} kills, seed {arguments.seed}:")
        for phase, count in sorted(phases.items()):
            print(f"{count:4} {phase}")
        print(f"{wrong:4} with anything wrong afterwards")
    sys.exit(1 if wrong else 0)


def trials(folder: Path, kills: int, seed: int, duplicates: str = "keep") -> Iterator[Outcome]:
    """Make the scenes in an existing, empty folder, and kill so many times."""
    rng = random.Random(seed)
    documents = folder / "documents"
    write_documents(documents)
    settings = f'[ingest]\nbatch_chunks = 12\nduplicates = "{duplicates}"\n'
    (folder / "ragent.toml").write_text(settings)
    ingest = make_scene(folder, "ingest", None, ("ingest", "documents"))
    shutil.copytree(documents, folder / "first", copy_function=shutil.copy2)
    change_documents(documents)
    sync = make_scene(folder, "sync", folder / "home-ingest", ("sync", "--delete"))
    for number, part in enumerate(spread(rng, kills)):
        scene = sync if number % 3 else ingest
        swap(folder, "first" if scene is ingest else "changed")
        if number % 2:
            killing = Killing(seconds=scene.seconds * part)
        else:
            killing = Killing(event=1 + int(scene.events * part))
        yield try_once(folder, scene, killing)


def spread(rng: random.Random, count: int) -> list[float]:
    """Numbers from 0 to 1: one at random in each of `count` equal parts, in random order."""
    drawn = [(index + rng.random()) / count for index in range(count)]
    rng.shuffle(drawn)
    return drawn


def swap(folder: Path, which: str) -> None:
    """Put the first or the changed documents, with their times, where the commands read them."""
    other = folder / which
    if other.exists():
        aside = folder / ("changed" if which == "first" else "first")
        (folder / "documents").rename(aside)
        other.rename(folder / "documents")


def make_scene(folder: Path, name: str, before: Path | None, command: tuple[str, ...]) -> Scene:
    """Run once undisturbed, to know what comes of it, how long it takes and what happens in the home."""
    home = folder / f"home-{name}"
    prepare(home, before)
    child = start(folder, home, command)
    process = psutil.Process(child.pid)
    events, seconds = 0, 0.0
    for _ in happenings(home, child):
        events, seconds = events + 1, cpu_seconds(process) or seconds
    _, said = child.communicate()
    if child.returncode != 3:  # one file is damaged
        raise SystemExit(f"the undisturbed {name} failed: {said}")
    if wrong := look(home, None):
        raise SystemExit(f"the undisturbed {name} is wrong: {wrong}")
    return Scene(name, before, command, state_of(home), vectors_of(home), seconds, events)


def try_once(folder: Path, scene: Scene, killing: Killing) -> Outcome:
    """Kill once, look, and go on to the end."""
    home = folder / "home"
    prepare(home, scene.before)
    child = start(folder, home, scene.command)
    readers = kill(home, child, killing)
    phase = phase_of(home, scene, child.returncode)
    problems = [f"a reader process is left: {reader}" for reader in readers if survives(reader)]
    problems += look(home, None)
    again = run(folder, home, *scene.command)
    if again.returncode != 3:
        problems.append(f"the second run ended with {again.returncode}: {again.stderr}")
    problems += compare(home, scene.expected, scene.vectors)
    problems += look(home, {mark for row in scene.expected["chunks"] for mark in MARK.findall(row[-1])})
    return Outcome(scene.name, killing, phase, tuple(problems))


def prepare(home: Path, before: Path | None) -> None:
    """An absent home, or a copy of `before`."""
    shutil.rmtree(home, ignore_errors=True)
    if before:
        shutil.copytree(before, home)


def start(folder: Path, home: Path, command: tuple[str, ...]) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "ragent.cli", "--home", str(home), *command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The command line, to its end."""
    line = [sys.executable, "-m", "ragent.cli", "--home", str(home), *command]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)


def kill(home: Path, child: subprocess.Popen[str], killing: Killing) -> list[psutil.Process]:
    """Kill at the right moment; gives the processes that the child had started."""
    process = psutil.Process(child.pid)
    if killing.seconds is not None:
        while child.poll() is None and cpu_seconds(process) < killing.seconds:
            time.sleep(0.001)
    else:
        for count, _ in enumerate(happenings(home, child), 1):
            if count == killing.event:
                break
    readers: list[psutil.Process] = []
    with suppress(psutil.Error, ProcessLookupError):
        os.kill(child.pid, signal.SIGSTOP)
        readers = process.children(recursive=True)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    return readers


def cpu_seconds(process: psutil.Process) -> float:
    """What a process itself has used of the processors, which other work on the machine doesn't distort."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def happenings(home: Path, child: subprocess.Popen[str]) -> Iterator[str]:
    """Each file of the home that appears, changes its size or is renamed, until the child ends."""
    before = sizes(home)
    while child.poll() is None:
        now = sizes(home)
        for path in before.keys() | now.keys():
            if before.get(path) != now.get(path):
                yield path
        before = now
        time.sleep(0.0002)


def sizes(folder: str | Path) -> dict[str, int]:
    """By path, the sizes of all files; only those that stay long enough to be looked at."""
    found: dict[str, int] = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    found |= sizes(entry.path)
                else:
                    found[entry.path] = entry.stat().st_size
    return found


def phase_of(home: Path, scene: Scene, code: int | None) -> str:
    """How far the killed run had come."""
    if code != -signal.SIGKILL:
        return "it had ended"
    now, before = state_of(home), state_of(scene.before) if scene.before else {}
    if not now:
        return "before there were tables"
    if now.get("documents") == scene.expected["documents"]:
        return "everything committed, indexes in the making"
    if now.get("documents", []) == before.get("documents", []):
        return "before the first commit"
    return "between commits"


if __name__ == "__main__":
    main()
