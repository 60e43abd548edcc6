"""What guessing at outputs gains on this machine: tokens a second with `[llm] speculate` off, on and auto.

    python evals/benchmarks/speculating.py [--model NAME] [--draft-model NAME] [--rounds 2] [--threads 1]

Three kinds of output over generated passages: `copy` repeats one word for word, `quote` cites under the
constraint of `ask` in its style "quote", and `free` answers in its own words. The modes take turns, prompts
are read beforehand, and what is told are medians over rounds, by the clock and by CPU, from the first token
to the last. The first round, in which `auto` gets to know the machine, is told apart.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ragent.config import LLMSettings
from ragent.llm.llamacpp import LlamaCpp, open_llamacpp
from ragent.structured.quoting import quote_format
from ragent.types import Message, Sampling, Usage

MODES = ("off", "on", "auto")
PLACES = ("Aldermouth", "Brackwater", "Corrow", "Dunmarsh")
PASSAGE = (
    "The {place} harbour office is in the old customs house on pier {n}. It opens at {n} in the morning, and"
    " a ticket for the ferry costs {price} euros there. Dogs travel for free, but bicycles need a ticket of"
    " their own. In winter the ferry sails only when the ice allows it, and the office then puts a red flag"
    " out of its window."
)
QUESTIONS = (
    "Describe what a day on this coast is like.",
    "Why do people live on islands?",
    "What should a traveller pack, and why?",
)


@dataclass(frozen=True)
class Task:
    """An output to be written."""

    kind: str
    messages: list[Message]
    passages: tuple[str, ...] = ()
    repeat_penalty: float = 1.0


def main() -> None:
    """Print every comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--draft-model", default="")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        engines = {mode: opened(mode, arguments, Path(home)) for mode in MODES}
    rates: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for turn in range(arguments.rounds + 1):
        told: dict[tuple[str, str], list[tuple[Usage, float, float]]] = defaultdict(list)
        for task in tasks():
            texts = set()
            for mode in MODES:
                text, *measured = write(engines[mode], task, arguments.tokens)
                texts.add(text)
                told[task.kind, mode].append(tuple(measured))  # type: ignore[arg-type]
            if len(texts) > 1:
                print(f"  {task.kind}: outputs differ")
        for (kind, mode), outputs in told.items():
            report(f"round {turn}  {kind:5} {mode:4}", outputs)
            if turn:
                rates[kind, mode].append(rate(outputs))
    print("medians of all rounds but the first, and against off")
    for (kind, mode), found in rates.items():
        wall, cpu = (median(one[n] for one in found) for n in (0, 1))
        off = [median(one[n] for one in rates[kind, "off"]) for n in (0, 1)]
        print(f"  {kind:5} {mode:4}  {wall:6.1f} a s ({wall / off[0]:.2f})", end="")
        print(f"  {cpu:6.1f} a CPU s ({cpu / off[1]:.2f})")


def opened(mode: str, arguments: argparse.Namespace, home: Path) -> LlamaCpp:
    """An engine of its own, with the weights that `ask` uses."""
    settings = LLMSettings(
        model=arguments.model,
        draft_model=arguments.draft_model if mode != "off" else "",
        speculate=mode,  # type: ignore[arg-type]
        n_ctx=2048,
        threads=arguments.threads,
        disk_cache_mb=0,
    )
    return open_llamacpp(settings, home / "models")


def tasks() -> Iterator[Task]:
    """All outputs of a round."""
    passages = tuple(PASSAGE.format(place=place, n=n + 5, price=3 * n + 4) for n, place in enumerate(PLACES))
    context = "\n\n".join(passages)
    for passage, place in zip(passages, PLACES, strict=True):
        yield Task("copy", [Message("user", f"Repeat this text word for word:\n\n{passage}")])
        ask = f"{context}\n\nQuote what is said about {place}."
        yield Task("quote", [Message("user", ask)], passages)
    for question in QUESTIONS:
        yield Task("free", [Message("user", f"{context}\n\n{question}")], repeat_penalty=1.1)


def write(engine: LlamaCpp, task: Task, tokens: int) -> tuple[str, Usage, float, float]:
    """The output, its usage, and the seconds from the first token to the last, of the clock and of CPU."""
    constraint = quote_format(task.passages).constraint if task.passages else None
    sampling = Sampling(max_tokens=tokens, repeat_penalty=task.repeat_penalty)
    list(engine.stream(task.messages, Sampling(max_tokens=1)))  # so that the prompt is known
    wall, cpu = time.perf_counter(), time.process_time()
    *_, last = deltas = list(engine.stream(task.messages, sampling, constraint))
    assert last.usage
    text = "".join(delta.text for delta in deltas)
    return text, last.usage, time.perf_counter() - wall, time.process_time() - cpu


def rate(outputs: list[tuple[Usage, float, float]]) -> tuple[float, float]:
    """Tokens a second, of the clock and of CPU."""
    count = sum(usage.completion_tokens for usage, _, _ in outputs)
    return count / sum(wall for _, wall, _ in outputs), count / sum(cpu for _, _, cpu in outputs)


def report(title: str, outputs: list[tuple[Usage, float, float]]) -> None:
    """One line."""
    wall, cpu = rate(outputs)
    drafted = sum(usage.drafted_tokens for usage, _, _ in outputs)
    accepted = sum(usage.accepted_tokens for usage, _, _ in outputs)
    print(
        f"{title}  {wall:6.1f} a s  {cpu:6.1f} a CPU s  {accepted} of {drafted} drafted tokens right",
        flush=True,
    )


if __name__ == "__main__":
    main()
