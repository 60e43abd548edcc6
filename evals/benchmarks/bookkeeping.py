"""How much of a run's time is bookkeeping: keeping outcomes and keys, tracing, telling how far it is.

    python evals/benchmarks/bookkeeping.py [--cases 10000] [--searches 2000]

Three subjects: one that does nothing (so all the time is bookkeeping, and that is what a case costs), a real
search over a small collection, and one that takes as long as an answer of the built-in model does, but
sleeps. Seconds of the subjects are measured around their own calls; metrics are measured apart, since they
are what a run is for.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ragent import Rag
from ragent_evals.outcome import Found, Outcome
from ragent_evals.running.runner import RunOptions, run_on
from ragent_evals.running.subjects import Searching, Subject
from ragent_evals.running.texts import Ground, prepared
from ragent_evals.sets.case import Case, EvalSet, Text

TOPICS = ("refunds", "harbours", "cats", "boats", "roofs", "tides", "managers", "desks", "dawn", "evenings")
FOUND = tuple(Found(f"t{n}", 1 / (n + 1), 0, 40, "x" * 40) for n in range(10))


@dataclass
class Timed:
    """A subject, with the time spent in it: of the clock, and of the threads that called it."""

    subject: Subject
    wall: float = 0.0
    cpu: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __repr__(self) -> str:
        return type(self.subject).__name__

    @property
    def at_once(self) -> int:
        return self.subject.at_once

    def run(self, cases: Sequence[Case]) -> Sequence[Outcome]:
        """What the subject gives."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return self.subject.run(cases)
        finally:
            with self.lock:
                self.wall += time.perf_counter() - wall
                self.cpu += time.process_time() - cpu


@dataclass(frozen=True)
class Sleeping:
    """Takes so long, and gives ten passages and an answer."""

    seconds: float
    at_once: int = 1

    def run(self, cases: Sequence[Case]) -> list[Outcome]:
        """An outcome a case."""
        if self.seconds:
            time.sleep(self.seconds)
        return [Outcome(case.id, text="An answer of some words.", found=FOUND) for case in cases]


def main() -> None:
    """Print what a case's bookkeeping costs, and its share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=10_000, help="put to the subject that does nothing")
    parser.add_argument("--searches", type=int, default=2000, help="put to a real search")
    parser.add_argument("--answers", type=int, default=40, help="put to the subject that sleeps")
    parser.add_argument("--answer-seconds", type=float, default=0.2, help="how long it sleeps")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Rag.open(Path(folder) / "home") as rag:
        texts = {f"t{n}": Text(TOPICS[n % 10], _text(n)) for n in range(300)}
        with prepared(rag, _set("searches", arguments.searches, texts)) as ground:
            ground.rag.search("harbours at dawn")
            nothing = _set("nothing", arguments.cases)
            _measure("nothing (10 passages a case)", rag, nothing, Sleeping(0.0))
            answers = _set("answers", arguments.answers)
            _measure(
                f"a sleep of {arguments.answer_seconds:g} s", rag, answers, Sleeping(arguments.answer_seconds)
            )
            for depth in (10, 100):
                searches = _set(f"searches-{depth}", arguments.searches, texts)
                _measure(f"a search, {depth} deep", ground.rag, searches, Searching(ground, depth), ground)


def _text(number: int) -> str:
    words = (TOPICS[(number * step + step) % 10] for step in (1, 3, 7, 9))
    return f"Note {number} is about {', '.join(words)} and says what was agreed on day {number % 30}."


def _set(name: str, count: int, texts: dict[str, Text] | None = None) -> EvalSet:
    cases = tuple(
        Case(
            f"c{n}",
            "retrieval",
            f"What was agreed about {TOPICS[n % 10]} and {TOPICS[n // 10 % 10]} on day {n}?",
            relevant={f"t{n % 300}": 1},
        )
        for n in range(count)
    )
    return EvalSet(name, cases, texts or {}, name, name if texts else "")


def _measure(what: str, rag: Rag, eval_set: EvalSet, subject: Subject, ground: Ground | None = None) -> None:
    timed = Timed(subject)
    options = RunOptions(metrics=("prompt_tokens",), fresh=True, cached=False)
    wall, cpu = time.perf_counter(), time.process_time()
    report = run_on(ground or Ground(rag, eval_set.corpus), eval_set, options, {"retrieval": timed})
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert report.is_finished
    count = len(eval_set.cases)
    own_wall, own_cpu = wall - timed.wall, cpu - timed.cpu
    print(
        f"{what}: {count} cases in {wall:.1f} s ({cpu:.1f} CPU s); bookkeeping "
        f"{own_wall / count * 1e6:.0f} µs a case ({own_cpu / count * 1e6:.0f} µs CPU), "
        f"{own_wall / wall:.1%} of the time ({own_cpu / cpu:.1%} of the CPU)"
    )


if __name__ == "__main__":
    main()
