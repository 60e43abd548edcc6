from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from ragent.errors import RagentError
from ragent.ingest.processes import Processes
from ragent.ingest.reader import Limits
from ragent.ingest.work import Piece, Task, Work, hash_of
from ragent.types import RawDocument
from tests.ingest import faking

WORK = Work(faking.parse, faking.Lines(), faking.unpack)
LIMITS = Limits(seconds=30, memory_mb=1000)


def task(name: str, text: str, known: dict[str, str] | None = None) -> tuple[str, Task]:
    return name, Task(RawDocument(name, name, text.encode()), known or {})


def read(
    *steps: tuple[str, Task | None], count: int = 2, limits: Limits = LIMITS, work: Work = WORK
) -> list[tuple[str, Piece | None]]:
    return list(Processes(count, limits).read(work, iter(steps)))


def errors(found: list[tuple[str, Piece | None]]) -> dict[str, str]:
    return {piece.uri: piece.error for _, piece in found if piece and piece.error}


def test_pieces_come_in_the_order_of_the_steps() -> None:
    steps = [
        task(f"f{i}", "words\n" * (1 + 500 * (i % 7 == 0))) if i % 3 else (f"f{i}", None) for i in range(200)
    ]
    found = read(*steps)
    assert [name for name, _ in found] == [name for name, _ in steps]
    assert [piece is None for _, piece in found] == [i % 3 == 0 for i in range(200)]
    assert all(piece.document and piece.chunks and piece.signature for _, piece in found if piece)


def test_without_anything_to_read_nothing_is_started() -> None:
    found = Processes(2, LIMITS).read(WORK, iter([("a", None), ("b", None)]))
    assert list(found) == [("a", None), ("b", None)]


def test_readers_are_other_processes_and_their_output_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    ((_, piece),) = read(task("a", "noise pid"))
    assert piece
    assert piece.document
    assert f"pid {os.getpid()}" not in piece.document.text
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hang", "took over 1 s; raise file_seconds"),
        ("bomb", "needs more memory"),
        ("segfault", r"crashed its reader \(SIGSEGV\)"),
        ("starved", r"killed from outside, perhaps because memory ran out"),
        ("exit", r"ended early \(exit code 3\)"),
        ("broken", r"it is broken \(mend it\)"),
        ("\udcff".encode("utf-8", "surrogateescape").decode("latin-1"), ""),
    ],
)
def test_a_misfortune_costs_its_file_alone(text: str, reason: str) -> None:
    steps = [task(f"f{i}", text if i == 5 else f"fine {i}") for i in range(40)]
    found = read(*steps, limits=Limits(seconds=1, memory_mb=1000))
    assert [name for name, _ in found] == [name for name, _ in steps]
    failed = errors(found)
    assert set(failed) == ({"f5"} if reason else set())
    if reason:
        with pytest.raises(AssertionError, match=reason):
            raise AssertionError(failed["f5"])


def test_many_misfortunes_at_once() -> None:
    bad = ["hang", "segfault", "bomb", "broken"]
    steps = [task(f"f{i}", bad[i % 4] if i % 5 == 0 else "fine") for i in range(40)]
    failed = errors(read(*steps, limits=Limits(seconds=0.5, memory_mb=1000)))
    assert set(failed) == {f"f{i}" for i in range(0, 40, 5)}


def test_readers_do_not_react_to_an_interrupt() -> None:
    assert errors(read(task("a", "interrupt"))) == {}


def test_an_archive_gives_its_files_one_by_one_and_a_crash_costs_one_of_them() -> None:
    text = "archive\none\nunreadable\nsegfault\nbroken\nfive"
    found = read(task("a", text), task("b", "after"))
    assert [(piece.uri, bool(piece.document), piece.last) for _, piece in found if piece] == [
        ("a!/0", True, False),
        ("a!/1", False, False),
        ("a (file 3 in it)", False, False),
        ("a!/3", False, False),
        ("a!/4", True, False),
        ("a", False, True),
        ("b", True, True),
    ]
    assert "SIGSEGV" in errors(found)["a (file 3 in it)"]


def test_an_archive_that_crashes_again_and_again_is_given_up() -> None:
    found = read(task("a", "archive\n" + "segfault\n" * 10), task("b", "after"))
    assert [piece.last for _, piece in found if piece] == [False, False, True, True]


def test_what_is_known_inside_an_archive_is_not_parsed_again() -> None:
    known = {"a!/0": hash_of(RawDocument("", "", b"broken")), "a!/1": "other"}
    found = read(task("a", "archive\nbroken\nnew", known))
    assert errors(found) == {}
    assert [bool(piece.document) for _, piece in found if piece] == [False, True, False]


def test_a_taker_that_leaves_ends_the_readers() -> None:
    taken = Processes(2, LIMITS).read(WORK, iter([task(f"f{i}", "pid") for i in range(300)]))
    pids = set()
    for _, (_, piece) in zip(range(3), taken, strict=False):
        assert piece
        assert piece.document
        pids.add(int(piece.document.text.rpartition(" ")[2]))
    taken.close()  # type: ignore[attr-defined]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_an_error_of_the_steps_reaches_the_taker() -> None:
    def steps() -> Iterator[tuple[str, Task | None]]:
        yield task("a", "fine")
        raise RagentError("the source broke")

    with pytest.raises(RagentError, match="the source broke"):
        list(Processes(1, LIMITS).read(WORK, steps()))


def test_what_is_read_ahead_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a slow taker nor a slow first file lets what waits grow with the number of files."""
    monkeypatch.setattr("ragent.ingest.processes._MOST_BYTES", 1_000_000)
    drawn = 0

    def steps() -> Iterator[tuple[str, Task | None]]:
        nonlocal drawn
        for number in range(200):
            drawn += 1
            yield task(f"f{number}", "slow" if number == 0 else "fine " * 20_000)

    taken = Processes(2, LIMITS).read(WORK, steps())
    most = 0
    for count, _ in enumerate(taken, 1):
        time.sleep(0.01)
        most = max(most, drawn - count)
    assert count == 200
    # Files of 100 kB: each queue holds 1 MB of bytes or texts, and what is in hand.
    assert most < 60


def test_a_reader_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragent.ingest.processes._START", "raise ImportError('no such thing'); ")
    with pytest.raises(RagentError, match=r"can't start a reader process .*no such thing"):
        read(task("a", "fine"))


def test_work_that_holds_on_to_this_process_cannot_be_sent() -> None:
    assert Work(lambda raw: faking.parse(raw), faking.Lines()).portable() is None
    assert WORK.portable() is not None
