"""Kills ingestion with SIGKILL at many moments, and looks whether anything is lost, wrong or left behind.

    python evals/benchmarks/killing.py [--kills 50] [--seed 1] [--duplicates skip] [--folder FOLDER]

A folder of notes, a ZIP archive, a mailbox, repeated and damaged files is ingested; then files are changed,
moved, deleted and added. Each trial runs `ragent ingest` into an empty home, or `ragent sync --delete` after
the changes, and kills it. Half of the kills come after a drawn part of the processor time that an
undisturbed run takes, spread over all of it; the other half upon the n-th thing seen in the home's folder: a
file that appears, grows or is renamed, so in the middle of commits and of swapping indexes. After each kill
`ragent fsck` must find nothing, every marked text in the database must be found, and no reader process may
be left; then the same command runs again, and the home must hold what the undisturbed one holds: documents,
chunks with their places and vectors, duplicates, signatures, bands and sources, ids aside.
"""

from __future__ import annotations

import argparse
import mailbox
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]

from ragent.rag import Rag

NOTES = 60
MARK = re.compile(r"\bmark[a-z]{9}\b")
VECTOR_TOLERANCE = 0.01
COLOURS = ["red", "green", "blue", "black", "white", "amber", "violet", "olive", "teal", "coral"]
THINGS = ["lamp", "rope", "crate", "ladder", "barrel", "anchor", "lantern", "bucket", "hammer", "compass"]

State = dict[str, list[tuple[Any, ...]]]
QUERIES = {
    "sources": "SELECT argument, cursor FROM sources",
    "documents": "SELECT d.uri, d.item, s.argument, d.version, d.content_hash, d.media_type, d.title,"
    " d.pages, d.meta, d.text FROM documents d LEFT JOIN sources s ON s.id = d.source_id",
    "chunks": "SELECT d.uri, c.start, c.end, c.page, c.tokens, c.context, c.text FROM chunks c"
    " JOIN documents d ON d.id = c.document_id",
    "duplicates": "SELECT d.uri, o.uri, r.similarity FROM duplicates r"
    " JOIN documents d ON d.id = r.document_id JOIN documents o ON o.id = r.original_id",
    "signatures": "SELECT d.uri, s.data FROM signatures s JOIN documents d ON d.id = s.document_id",
    "bands": "SELECT d.uri, b.key FROM bands b JOIN documents d ON d.id = b.document_id",
}
VECTORS = (
    "SELECT v.data FROM vectors v JOIN chunks c ON c.id = v.chunk_id JOIN documents d ON d.id = c.document_id"
    " ORDER BY d.uri, c.start, c.end"
)


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


# -- documents ------------------------------------------------------------------------------------------


def write_documents(folder: Path) -> None:
    """Notes with one marked sentence each, an archive, a mailbox, repeated and damaged files."""
    folder.mkdir()
    for number in range(NOTES):
        suffix = ("txt", "md")[number % 2]
        (folder / f"note-{number:02}.{suffix}").write_text(note(number))
    (folder / "repeated.txt").write_text(note(0))
    (folder / "nearly.txt").write_text(note(2) + "\n\nThat is all.")
    (folder / "cut.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<<")
    write_archive(folder / "archive.zip", range(100, 108))
    write_mailbox(folder / "post.mbox", range(200, 206))


def change_documents(folder: Path) -> None:
    """Changed, moved, deleted and new files, inside the archive and the mailbox too."""
    for number in range(0, 60, 5):
        path = next(folder.glob(f"note-{number:02}.*"))
        path.write_text(note(number) + f"\n\nOne more line, {mark(number + 500)}, for note {number}.")
    moved = folder / "moved"
    moved.mkdir()
    for number in range(1, 60, 9):
        next(folder.glob(f"note-{number:02}.*")).rename(moved / f"renamed-{number}.txt")
    for number in range(3, 60, 8):
        for path in folder.glob(f"note-{number:02}.*"):
            path.unlink()
    for number in range(300, 312):
        (folder / f"new-{number}.md").write_text(note(number))
    (folder / "nearly-again.txt").write_text(note(2) + "\n\nThat was all.")
    write_archive(folder / "archive.zip", [*range(100, 104), *range(105, 112)])
    write_mailbox(folder / "post.mbox", range(201, 210))


def note(number: int) -> str:
    """A title and a few paragraphs; no two notes share many words in a row."""
    rng = random.Random(number)
    paragraphs = []
    for line in range(5):
        some = [f"{rng.choice(COLOURS)} {rng.choice(THINGS)} {rng.randrange(10**6)}" for _ in range(5)]
        paragraphs.append(f"Row {line} of note {number} lists {', '.join(some)}.")
    paragraphs.insert(2, f"The sign {mark(number)} hangs in room {number}.")
    return f"# Note {number}\n\n" + "\n\n".join(paragraphs)


def mark(number: int) -> str:
    """A word that only one text holds."""
    return "mark" + "".join(random.Random(f"mark {number}").choices("bcdfgklmnoprstuvz", k=9))


def write_archive(path: Path, numbers: Iterable[int]) -> None:
    """A ZIP of notes."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in numbers:
            archive.writestr(f"inside/{number}.txt", note(number))


def write_mailbox(path: Path, numbers: Iterable[int]) -> None:
    """An mbox of mails, every other one with an attachment."""
    path.unlink(missing_ok=True)
    box = mailbox.mbox(path)
    for number in numbers:
        mail = EmailMessage()
        mail["From"], mail["To"] = "ann@example.org", "ben@example.org"
        mail["Subject"], mail["Date"] = f"Note {number}", "Thu, 1 Jan 2026 10:00:00 +0000"
        mail["Message-ID"] = f"<{number}@example.org>"
        mail.set_content(note(number))
        if number % 2:
            mail.add_attachment(note(number + 600), filename=f"attached-{number}.txt")
            mail.set_boundary(f"boundary-{number}")
        message = mailbox.mboxMessage(mail)
        message.set_from("ann@example.org Thu Jan 1 10:00:00 2026")
        box.add(message)
    box.close()


# -- trials ---------------------------------------------------------------------------------------------


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
    run(folder, home, "fsck")
    return Scene(name, before, command, state_of(home), vectors_of(home), seconds, events)


def try_once(folder: Path, scene: Scene, killing: Killing) -> Outcome:
    """Kill once, look, and go on to the end."""
    home = folder / "home"
    prepare(home, scene.before)
    child = start(folder, home, scene.command)
    readers = kill(home, child, killing)
    phase = phase_of(home, scene, child.returncode)
    problems = [f"a reader process is left: {reader}" for reader in readers if survives(reader)]
    problems += fsck(folder, home)
    problems += search(home, None)
    again = run(folder, home, *scene.command)
    if again.returncode != 3:
        problems.append(f"the second run ended with {again.returncode}: {again.stderr}")
    problems += fsck(folder, home)
    problems += compare(home, scene)
    problems += search(home, {mark_ for row in scene.expected["chunks"] for mark_ in MARK.findall(row[-1])})
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


def happenings(home: Path, child: subprocess.Popen[str]) -> Iterator[Path]:
    """Each file of the home that appears, changes its size or is renamed, until the child ends."""
    before = sizes(home)
    while child.poll() is None:
        now = sizes(home)
        for path in before.keys() | now.keys():
            if before.get(path) != now.get(path):
                yield path
        before = now
        time.sleep(0.0002)


def sizes(folder: Path) -> dict[Path, int]:
    """By path, the sizes of all files; only those that stay long enough to be looked at."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                path = Path(place, name)
                found[path] = path.stat().st_size
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


# -- checks ---------------------------------------------------------------------------------------------


def survives(process: psutil.Process) -> bool:
    """Whether a process is there after ten seconds."""
    try:
        process.wait(10)
    except psutil.TimeoutExpired:
        return True
    return False


def fsck(folder: Path, home: Path) -> list[str]:
    """What `ragent fsck` says is wrong."""
    if not (home / "ragent.db").exists():
        return []
    ran = run(folder, home, "fsck", "--json")
    return [] if ran.returncode == 0 else [f"fsck: {ran.stdout.strip() or ran.stderr.strip()}"]


def search(home: Path, expected: set[str] | None) -> list[str]:
    """Search for every mark in the database; every hit must be what its document says at that place."""
    state = state_of(home)
    marks = {mark_ for row in state.get("chunks", []) for mark_ in MARK.findall(row[-1])}
    problems = [f"{mark_} is nowhere" for mark_ in sorted(expected - marks)] if expected else []
    if not marks:
        return problems
    texts = {row[0]: row[-1] for row in state["documents"]}
    with Rag.open(home) as rag:
        ordered = sorted(marks)
        for mark_, result in zip(ordered, rag.search_many(ordered, 5), strict=True):
            if not (result.hits and mark_ in result.hits[0].text):
                problems.append(f"{mark_} isn't found first")
            problems += [
                f"a wrong text at {hit.uri} {hit.start}"
                for hit in result.hits
                if texts.get(hit.uri, "")[hit.start : hit.end] != hit.text
            ]
    return problems


def compare(home: Path, scene: Scene) -> list[str]:
    """Where the home differs from the undisturbed one."""
    state = state_of(home)
    problems = []
    for table, rows in scene.expected.items():
        lacking = Counter(map(repr, rows)) - Counter(map(repr, state[table]))
        extra = Counter(map(repr, state[table])) - Counter(map(repr, rows))
        problems += [f"{table} lacks {row[:200]}" for row in list(lacking)[:3]]
        problems += [f"{table} has too much: {row[:200]}" for row in list(extra)[:3]]
    vectors = vectors_of(home)
    if vectors.shape != scene.vectors.shape:
        problems.append(f"{vectors.shape} vectors, not {scene.vectors.shape}")
    elif (worst := float(np.abs(vectors - scene.vectors).max(initial=0))) > VECTOR_TOLERANCE:
        problems.append(f"vectors differ by {worst:.4f}")
    return problems


def state_of(home: Path) -> State:
    """Everything that must be equal, in an order of its own; empty before there are tables."""
    if not (home / "ragent.db").exists():
        return {}
    with closing(sqlite3.connect(f"file:{home / 'ragent.db'}?mode=ro", uri=True)) as database:
        try:
            return {name: sorted(database.execute(query), key=repr) for name, query in QUERIES.items()}
        except sqlite3.OperationalError:
            return {}


def vectors_of(home: Path) -> np.ndarray[Any, Any]:
    """All vectors, by document and place."""
    with closing(sqlite3.connect(f"file:{home / 'ragent.db'}?mode=ro", uri=True)) as database:
        rows = [np.frombuffer(data, np.float16).astype(np.float32) for (data,) in database.execute(VECTORS)]
    return np.array(rows)


if __name__ == "__main__":
    main()
