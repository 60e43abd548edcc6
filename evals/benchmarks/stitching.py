"""What stitching passages gains in time to the first token, and what it costs in the quality of answers.

    python evals/benchmarks/stitching.py FOLDER [--sets 16] [--threads 1] [--seconds 300]

FOLDER holds a QA set with articles of several paragraphs: `contexts.jsonl` of {_id, title, text} and
`questions.jsonl` of {id, question, answers, context_id}. From each article come five neighbouring paragraphs,
and three questions that some of them answer; the paragraphs are put into another order for each question.
Both variants, and both kinds of time, come from the same run; intervals are 95 % bootstraps over questions.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from ragent.config import LLMSettings
from ragent.llm.llamacpp import LlamaCpp, open_llamacpp
from ragent.prompts import load_prompt
from ragent.types import Message, Sampling
from ragent_evals.estimates import interval
from ragent_evals.metrics.words import f1
from ragent_evals.sets.case import Case, EvalSet
from ragent_evals.sets.choosing import about
from ragent_evals.sets.opening import open_set

PASSAGES = 5
QUESTIONS = 3


@dataclass(frozen=True, slots=True)
class Passage:
    """What the prompt shows of a hit."""

    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Of one question: seconds of CPU and of the clock until the first token, reuse, and F1.

    `reused` is the share of the prompt that needed no computation.
    """

    cpu_s: float
    wall_s: float
    reused: float
    f1: float


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=300, help="begin no further set after so long")
    arguments = parser.parse_args()
    began = time.monotonic()
    found: dict[bool, list[list[Asked]]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as home:
        engines = {
            stitch: open_llamacpp(
                LLMSettings(n_ctx=4096, threads=arguments.threads, stitch=stitch), Path(home) / "models"
            )
            for stitch in found
        }
        for texts, cases in list(groups(open_set(arguments.folder)))[: arguments.sets]:
            if time.monotonic() - began > arguments.seconds:
                break
            for stitch, engine in engines.items():
                found[stitch].append([ask(engine, texts, case, n) for n, case in enumerate(cases)])
        for engine in engines.values():
            engine.close()
    report(found)


def groups(qa: EvalSet) -> Iterator[tuple[list[str], list[Case]]]:
    """Neighbouring paragraphs of an article, and questions that they answer; of each article one first."""
    rounds: dict[int, list[tuple[list[str], list[Case]]]] = {}
    draw = random.Random(0)
    for _, ids in groupby(qa.texts, key=lambda id_: qa.texts[id_].title):
        article = list(ids)
        for n in range(len(article) // PASSAGES):
            some = article[n * PASSAGES : (n + 1) * PASSAGES]
            cases = [case for case in qa.cases if not case.is_impossible and about(case) in some]
            if len(cases) >= QUESTIONS:
                chosen = draw.sample(cases, QUESTIONS)
                rounds.setdefault(n, []).append(([qa.texts[id_].text for id_ in some], chosen))
    for n in sorted(rounds):
        yield from rounds[n]


def ask(engine: LlamaCpp, texts: Sequence[str], case: Case, order: int) -> Asked:
    """One question, with the paragraphs in the `order`th shuffled order."""
    shuffled = random.Random(order).sample(texts, len(texts))
    prompt = load_prompt("answer")
    rendered = prompt.render(
        passages=[Passage(text) for text in shuffled], question=case.question, examples=()
    )
    messages = [
        Message(one.role, one.content, tuple(text for text in shuffled if text in one.content))
        for one in rendered
    ]
    wall, cpu = time.perf_counter(), time.process_time()
    first: tuple[float, float] | None = None
    said = ""
    for delta in engine.stream(messages, Sampling(max_tokens=24)):
        first = first or (time.process_time() - cpu, time.perf_counter() - wall)
        said += delta.text
        usage = delta.usage
    assert usage
    assert first
    return Asked(*first, usage.reused_tokens / usage.prompt_tokens, f1(said, case.answers))


def report(found: dict[bool, list[list[Asked]]]) -> None:
    """The table: the first questions of all sets, the others, and the F1 of both."""
    print(f"{len(found[True])} sets of {PASSAGES} passages, {QUESTIONS} questions each")
    print(f"{'':44} {'as a whole':>24} {'stitched':>24} {'difference':>24}")
    first, later = slice(0, 1), slice(1, None)
    line("first question: CPU s to the first token", found, first, "cpu_s")
    line("in another order: CPU s", found, later, "cpu_s")
    line("in another order: s of the clock", found, later, "wall_s")
    line("in another order: share of prompt reused", found, later, "reused")
    line("F1", found, slice(0, None), "f1")


def line(name: str, found: dict[bool, list[list[Asked]]], part: slice, what: str) -> None:
    """Means with their intervals; the difference is taken question by question."""
    whole, stitched = (
        np.array([getattr(one, what) for asked in found[stitch] for one in asked[part]])
        for stitch in (False, True)
    )
    columns = np.stack([whole, stitched, stitched - whole], axis=1)
    cells = zip(columns.mean(axis=0), *interval(columns), strict=True)
    told = [f"{mean:.3f} [{low:.3f}, {high:.3f}]" for mean, low, high in cells]
    print(f"{name:44} {told[0]:>24} {told[1]:>24} {told[2]:>24}")


if __name__ == "__main__":
    main()
