"""What the engine saves by what it keeps and by writing answers side by side, against plain llama-cpp-python.

    python evals/benchmarks/engine.py [--passages 16] [--tokens 32] [--threads 2] [--rounds 3] [--inexact]

Both use the same model file, the same rendered prompts and as many threads; plain llama-cpp-python keeps the
last prompt, as it does by itself. Every round has passages of its own. What is printed are medians of the
rounds: seconds of the clock and of CPU until the first token, and their share of the first question's.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import llama_cpp

from ragent.config import LLMSettings
from ragent.llm.chat_template import ChatTemplate
from ragent.llm.gguf import read_header
from ragent.llm.llamacpp import LlamaCpp, open_llamacpp
from ragent.llm.models import resolve_model
from ragent.types import Message, Sampling

PASSAGE = (
    "The {name} office is in the old customs house on pier {n}. It opens at {n} in the morning, and a ticket"
    " for the ferry costs {n} euros there. Dogs travel for free, but bicycles need a ticket of their own."
    " In winter the ferry sails only when the ice allows it, and the office then puts a red flag out of its"
    " window."
)
QUESTIONS = (
    "What does a ticket cost?",
    "Where is the office?",
    "Do dogs need a ticket?",
    "When is a flag out?",
)
N_CTX = 4096
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of the clock and of CPU; or what is done in one."""

    wall: float
    cpu: float


def main() -> None:
    """Print every comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passages", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", default="auto", help="as [llm] weights, for ragent")
    parser.add_argument("--inexact", action="store_true", help="[llm] exact = false, for ragent")
    arguments = parser.parse_args()
    settings = LLMSettings(
        n_ctx=N_CTX,
        threads=arguments.threads,
        weights=arguments.weights,
        exact=not arguments.inexact,
    )
    times: dict[str, dict[str, list[Spent]]] = {"ragent": {}, "plain": {}}
    rates: dict[str, list[Spent]] = {}
    with tempfile.TemporaryDirectory() as home:
        plain = Plain(settings, arguments.tokens)
        for number in range(arguments.rounds):
            ours = Ours(settings, Path(home), arguments.tokens)
            size = ours.model.count_prompt(prompt("North", arguments.passages, 0))
            for name, engine in (("ragent", ours), ("plain", plain)):
                waits(engine, f"{number}", arguments.passages, times[name])
            writing(ours, plain, f"{number}", rates)
            ours.model.close()
            restarted = Ours(settings, Path(home), arguments.tokens)
            restarted.first_token([Message("user", "Hello")])
            again = prompt(f"North {number}", arguments.passages, 0)
            note(times["ragent"], "the first question after a restart", lambda: restarted.first_token(again))  # noqa: B023
            restarted.model.close()
    report(size, arguments.rounds, times, rates)


def report(
    size: int, rounds: int, times: dict[str, dict[str, list[Spent]]], rates: dict[str, list[Spent]]
) -> None:
    """Print medians, and what they are of the first question's or of plain llama-cpp-python's."""
    print(
        f"{size} tokens in a prompt, {rounds} rounds\n\n"
        "seconds to the first token (share of the first question's)"
    )
    for name, of_engine in times.items():
        first = of_engine["first question"]
        for what, spent in of_engine.items():
            wall, cpu = (median(getattr(one, unit) for one in spent) for unit in ("wall", "cpu"))
            of_wall, of_cpu = (
                median(getattr(a, unit) / getattr(b, unit) for a, b in zip(spent, first, strict=True))
                for unit in ("wall", "cpu")
            )
            print(f"  {name:7} {what:36} wall {wall:6.3f} ({of_wall:.3f})  cpu {cpu:6.3f} ({of_cpu:.3f})")
    print(
        f"\ntokens a second of {AT_ONCE} short requests (times plain llama-cpp-python, one after the other)"
    )
    base = rates["plain, one after the other"]
    for what, values in rates.items():
        told = []
        for unit in ("wall", "cpu"):
            ratio = median(getattr(a, unit) / getattr(b, unit) for a, b in zip(values, base, strict=True))
            told.append(f"{unit} {median(getattr(one, unit) for one in values):6.1f} ({ratio:.2f})")
        print(f"  {what:36} {'  '.join(told)}")


class Ours:
    """ragent's engine."""

    def __init__(self, settings: LLMSettings, home: Path, tokens: int) -> None:
        self.model: LlamaCpp = open_llamacpp(settings, home / "models")
        self._tokens = tokens

    def first_token(self, messages: Sequence[Message]) -> None:
        list(self.model.stream(messages, Sampling(max_tokens=1)))

    def answer(self, messages: Sequence[Message]) -> int:
        *_, last = self.model.stream(messages, Sampling(max_tokens=self._tokens))
        return last.usage.completion_tokens if last.usage else 0

    def answer_all(self, prompts: Sequence[Sequence[Message]]) -> int:
        with ThreadPoolExecutor(len(prompts)) as pool:
            return sum(pool.map(self.answer, prompts))


class Plain:
    """`llama_cpp.Llama`, which writes one answer after the other."""

    def __init__(self, settings: LLMSettings, tokens: int) -> None:
        path = resolve_model(settings.model)
        self._llama = llama_cpp.Llama(
            str(path),
            n_ctx=N_CTX,
            n_threads=settings.threads,
            n_threads_batch=settings.threads,
            verbose=False,
        )
        self._chat = ChatTemplate(
            read_header(path).text("tokenizer.chat_template"), bos="", eos="", control_tokens=[]
        )
        self._tokens = tokens

    def first_token(self, messages: Sequence[Message]) -> None:
        next(self._generate(messages))

    def answer(self, messages: Sequence[Message]) -> int:
        count = 0
        for token in self._generate(messages):
            if token == self._llama.token_eos() or count == self._tokens:
                break
            count += 1
        return count

    def _generate(self, messages: Sequence[Message]) -> Iterator[int]:
        text = self._chat.render(messages).encode()
        tokens = self._llama.tokenize(text, add_bos=False, special=True)
        return iter(self._llama.generate(tokens, temp=0.0, repeat_penalty=1.1))


def waits(engine: Ours | Plain, number: str, passages: int, times: dict[str, list[Spent]]) -> None:
    """Time to the first token: cold, of a further question, and of two users in turns."""
    north, south = f"North {number}", f"South {number}"
    note(times, "first question", lambda: engine.first_token(prompt(north, passages, 0)))
    note(times, "follow-up", lambda: engine.first_token(prompt(north, passages, 1)))
    engine.first_token(prompt(south, passages, 0))
    note(times, "two users in turns: one", lambda: engine.first_token(prompt(north, passages, 2)))
    note(times, "two users in turns: the other", lambda: engine.first_token(prompt(south, passages, 3)))


def writing(ours: Ours, plain: Plain, number: str, rates: dict[str, list[Spent]]) -> None:
    """Tokens a second of short requests, at once and one after the other."""

    def rate(what: str, run: Callable[[list[list[Message]]], int], name: str) -> None:
        prompts = [prompt(f"{name} {number}-{n}", 1, n) for n in range(AT_ONCE)]
        cpu, wall = time.process_time(), time.perf_counter()
        count = run(prompts)
        spent = Spent(time.perf_counter() - wall, time.process_time() - cpu)
        rates.setdefault(what, []).append(Spent(count / spent.wall, count / spent.cpu))

    rate("plain, one after the other", lambda prompts: sum(map(plain.answer, prompts)), "Quay")
    rate("ragent, one after the other", lambda prompts: sum(map(ours.answer, prompts)), "Pier")
    rate("ragent, at once", ours.answer_all, "Dock")


def note(times: dict[str, list[Spent]], what: str, work: Callable[[], object]) -> None:
    """Do the work, and note what it took."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    times.setdefault(what, []).append(Spent(time.perf_counter() - wall, time.process_time() - cpu))


def prompt(name: str, passages: int, question: int) -> list[Message]:
    """The chat prompt of one of the questions over passages of that name."""
    text = "\n\n".join(PASSAGE.format(name=name, n=n) for n in range(passages))
    return [Message("user", f"{text}\n\n{QUESTIONS[question]}")]


if __name__ == "__main__":
    main()
