"""What the parsers make of a folder of documents: how many hold text, what fails and why, and how fast.

    python evals/benchmarks/parsers.py FOLDER [--expect FILE.json] [--seconds 60] [--memory-mb 1000]

Files are read by one process after another; one that takes more time or memory than it may is ended, and its
file counts as broken, as it does for any error but ParseError. `parsers_expected.json` beside this file lists
strings that a person sees in some documents; `--expect` checks that they are found. MB/s is of source bytes.
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
from ragent.types import Document, RawDocument

CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one file. `outcome`: ok, refused (by a ParseError), or broken."""

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
        document = parse(raw)
        fault = _fault(document)
    except ParseError as error:
        return Reading(path, "refused", error.message, len(raw.data), time.perf_counter() - start)
    except BaseException as error:
        return Reading(path, "broken", f"{type(error).__name__}: {error}", len(raw.data))
    seconds = time.perf_counter() - start
    return Reading(path, "broken" if fault else "ok", fault, len(raw.data), seconds, document.text)


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
    json.dumps(document.metadata)
    return ""


def _print_table(readings: list[Reading]) -> None:
    rows: dict[str, Row] = defaultdict(Row)
    for reading in readings:
        row = rows[reading.path.suffix.lower() or "(none)"]
        row.files += 1
        row.ok += reading.outcome == "ok"
        row.broken += reading.outcome == "broken"
        if reading.outcome == "ok":
            row.size += reading.size
            row.seconds += reading.seconds
        else:
            row.reasons[reading.detail.replace(reading.path.name, "it")].append(reading.path.name)
    print(f"{'format':12}{'files':>7}{'ok':>7}{'refused':>9}{'broken':>8}{'MB/s':>9}")
    for suffix, row in sorted(rows.items()):
        speed = row.size / 1e6 / row.seconds if row.seconds else 0.0
        refused = row.files - row.ok - row.broken
        print(f"{suffix:12}{row.files:7}{row.ok:7}{refused:9}{row.broken:8}{speed:9.1f}")
    total, ok = len(readings), sum(reading.outcome == "ok" for reading in readings)
    print(f"\n{ok} of {total} files hold text ({ok / max(total, 1):.1%})\n")
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
