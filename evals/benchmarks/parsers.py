"""What the parsers make of a folder of documents: how many hold text, what fails and why, and how fast.

    python evals/benchmarks/parsers.py FOLDER [--expect FILE.json] [--seconds 60] [--memory-mb 1000]

Files are read by one process after another; one that takes more time or memory than it may is ended, and its
file counts as broken, as it does for any error but ParseError. `parsers_expected.json` beside this file lists
strings that a person sees in some documents; `--expect` checks that they are found. An archive counts as one
file, and holds text if a member does. MB/s is of source bytes.

The share is of the files that could hold text: those that are empty (no bytes, or only white space), need a
password, or are of a format that ragent does not claim to read are listed, but left out of it. A picture
without words is not left out: whether it has words is the parser's to find out.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from ragent.errors import ParseError
from ragent.ingest.parsing import parse
from ragent.ingest.unpacking import unpack
from ragent.types import Document, Failure, RawDocument

LEFT_OUT = ("the file is empty", "is empty", "is encrypted", "unknown format", "97-2003")
CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one file. `outcome`: ok, refused (by a ParseError), broken, or left out of the share."""

    path: Path
    outcome: str
    detail: str
    size: int
    seconds: float = 0.0
    text: str = ""


@dataclass(slots=True)
class Row:
    """The files of one suffix."""

    files: int = 0
    ok: int = 0
    broken: int = 0
    left_out: int = 0
    size: int = 0
    seconds: float = 0.0
    reasons: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def main() -> None:
    """Read the folder, print the table, then the reasons."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--expect", type=Path, help="JSON: a file's name to the strings that its text must hold"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="the most for one file")
    parser.add_argument("--memory-mb", type=int, default=1000, help="the most for the reading process")
    args = parser.parse_args()

    readings = list(_readings(args.folder, args.seconds, args.memory_mb))
    _print_table(readings)
    if args.expect:
        _print_missing(readings, json.loads(args.expect.read_text("utf-8")))


def _readings(folder: Path, seconds: float, memory_mb: int) -> Iterator[Reading]:
    """Every file of the folder, through one process after another."""
    process, pipe = _started(memory_mb)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        size = path.stat().st_size
        pipe.send(path)
        try:
            if not pipe.poll(seconds):
                raise TimeoutError(f"took more than {seconds:g} s")
            yield pipe.recv()
        except (EOFError, TimeoutError, ConnectionError) as error:
            process.kill()
            process.join()
            yield Reading(path, "broken", str(error) or f"the process died ({process.exitcode})", size)
            process, pipe = _started(memory_mb)
    pipe.close()
    process.join()


def _started(memory_mb: int) -> tuple[SpawnProcess, Connection]:
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_serve, args=(theirs, memory_mb), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _serve(pipe: Connection, memory_mb: int) -> None:
    """Read what is asked for until the other side hangs up."""
    _read(Path(__file__))  # the parsers' imports are no file's fault
    used = _address_space()
    resource.setrlimit(resource.RLIMIT_AS, (used + memory_mb * 1_000_000, resource.RLIM_INFINITY))
    while True:
        try:
            path = pipe.recv()
        except EOFError:
            return
        pipe.send(_read(path))


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _read(path: Path) -> Reading:
    raw = RawDocument(path.resolve().as_uri(), path.name, path.read_bytes())
    start = time.perf_counter()
    try:
        texts, detail = _texts(raw)
    except BaseException as error:
        return Reading(path, "broken", f"{type(error).__name__}: {error}", len(raw.data))
    seconds = time.perf_counter() - start
    if not texts:
        outcome = "left out" if any(reason in detail for reason in LEFT_OUT) else "refused"
        return Reading(path, outcome, detail, len(raw.data), seconds)
    return Reading(path, "ok", "", len(raw.data), seconds, "\n\n".join(texts))


def _texts(raw: RawDocument) -> tuple[list[str], str]:
    """The texts of a file or of the members of an archive, and the last reason for there being none."""
    texts, detail = [], "it is an archive without files"
    for member in unpack(raw):
        if isinstance(member, Failure):
            detail = member.error
            continue
        try:
            document = parse(member)
        except ParseError as error:
            detail = error.message
            continue
        if fault := _fault(document):
            raise ValueError(fault)
        texts.append(document.text)
    return texts, detail


def _fault(document: Document) -> str:
    """Which promise of Document it breaks, if any."""
    position = 0
    for block in document.blocks:
        if not position <= block.start < block.end <= len(document.text):
            return f"a block from {block.start} to {block.end} overlaps or is empty"
        position = block.end
    for before, after in zip(document.pages, document.pages[1:], strict=False):
        if before.end != after.start:
            return f"page {after.number} does not begin where the one before ends"
    if document.pages and (document.pages[0].start, document.pages[-1].end) != (0, len(document.text)):
        return "the pages do not cover the text"
    if "\0" in document.text or "\r" in document.text:
        return "the text holds NUL or a carriage return"
    document.text.encode("utf-8")
    json.dumps(document.metadata)
    return ""


def _print_table(readings: list[Reading]) -> None:
    rows: dict[str, Row] = defaultdict(Row)
    for reading in readings:
        row = rows[reading.path.suffix.lower() or "(none)"]
        row.files += 1
        row.ok += reading.outcome == "ok"
        row.broken += reading.outcome == "broken"
        row.left_out += reading.outcome == "left out"
        if reading.outcome == "ok":
            row.size += reading.size
            row.seconds += reading.seconds
        else:
            row.reasons[reading.detail.replace(reading.path.name, "it")].append(reading.path.name)
    names = ("files", "ok", "refused", "broken", "left out", "files/s", "MB/s")
    print(f"{'format':12}" + "".join(f"{name:>10}" for name in names))
    for suffix, row in sorted(rows.items()):
        speed, rate = (row.size / 1e6 / row.seconds, row.ok / row.seconds) if row.seconds else (0.0, 0.0)
        refused = row.files - row.ok - row.broken - row.left_out
        counts = f"{row.files:10}{row.ok:10}{refused:10}{row.broken:10}{row.left_out:10}"
        print(f"{suffix:12}{counts}{rate:10.1f}{speed:10.1f}")
    left_out = sum(reading.outcome == "left out" for reading in readings)
    total, ok = len(readings) - left_out, sum(reading.outcome == "ok" for reading in readings)
    print(f"\n{ok} of {total} files hold text ({ok / max(total, 1):.1%}); {left_out} left out\n")
    for suffix, row in sorted(rows.items()):
        for reason, names in row.reasons.items():
            print(f"{suffix}: {reason}: {', '.join(names)}")


def _print_missing(readings: list[Reading], expected: dict[str, list[str]]) -> None:
    """Compared without regard to white space, which is a matter of layout."""
    texts = {reading.path.name: "".join(reading.text.split()) for reading in readings}
    wanted = [(name, string) for name, strings in expected.items() for string in strings]
    missing = [
        (name, string) for name, string in wanted if "".join(string.split()) not in texts.get(name, "")
    ]
    print(f"\n{len(wanted) - len(missing)} of {len(wanted)} expected strings found")
    for name, string in missing:
        print(f"  {name}: {string!r}")


if __name__ == "__main__":
    main()
