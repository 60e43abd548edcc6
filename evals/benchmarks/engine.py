"""What the engine saves by what it keeps and by writing answers side by side, against plain llama-cpp-python.

    python evals/benchmarks/engine.py [--passages 8] [--tokens 32] [--threads 1]

Each line gives seconds of CPU (`cpu`) and of the clock (`wall`). Both engines use the same model file, the
same rendered prompts and as many threads; plain llama-cpp-python keeps the last prompt, as it does by itself.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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


def main() -> None:
    """Print every comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passages", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    settings = LLMSettings(n_ctx=N_CTX, threads=arguments.threads)
    with tempfile.TemporaryDirectory() as home:
        ours = Ours(settings, Path(home), arguments.tokens)
        plain = Plain(settings, arguments.tokens)
        print(f"{ours.model.count_prompt(prompt('North', arguments.passages, 0))} tokens in a prompt")
        for name, engine in (("ragent", ours), ("plain llama-cpp-python", plain)):
            print(name)
            reuse(engine, arguments.passages)
            together(engine, arguments.tokens)
        ours.model.close()
        restarted = Ours(settings, Path(home), arguments.tokens)
        cpu, wall = timed(lambda: restarted.first_token(prompt("North", arguments.passages, 0)))
        print(f"ragent\n  same question after a restart:  cpu {cpu:.2f}  wall {wall:.2f}")


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

    def answer_all(self, prompts: Sequence[Sequence[Message]]) -> int:
        return sum(map(self.answer, prompts))

    def _generate(self, messages: Sequence[Message]) -> Iterator[int]:
        text = self._chat.render(messages).encode()
        tokens = self._llama.tokenize(text, add_bos=False, special=True)
        return iter(self._llama.generate(tokens, temp=0.0, repeat_penalty=1.1))


def reuse(engine: Ours | Plain, passages: int) -> None:
    """Time to the first token: cold, of a further question, and of two users in turns."""
    first = timed(lambda: engine.first_token(prompt("North", passages, 0)))
    report("first question", first, first)
    report("follow-up question", timed(lambda: engine.first_token(prompt("North", passages, 1))), first)
    engine.first_token(prompt("South", passages, 0))
    for turn, user in enumerate(("North", "South")):
        ask = prompt(user, passages, 2 + turn)
        report(f"two users in turns, {user}", timed(lambda ask=ask: engine.first_token(ask)), first)  # type: ignore[misc]


def together(engine: Ours | Plain, tokens: int) -> None:
    """Tokens a second of four short requests at once."""
    prompts = [prompt(f"Quay {n}", 1, n) for n in range(4)]
    counts: list[int] = []
    cpu, wall = timed(lambda: counts.append(engine.answer_all(prompts)))
    print(f"  four requests: {counts[0]} tokens  {counts[0] / cpu:.1f} a CPU s  {counts[0] / wall:.1f} a s")


def report(what: str, spent: tuple[float, float], first: tuple[float, float]) -> None:
    """One line: seconds, and their share of the first question's."""
    print(f"  {what}:  cpu {spent[0]:.2f} ({spent[0] / first[0]:.3f})  wall {spent[1]:.2f}")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of CPU and of the clock."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def prompt(name: str, passages: int, question: int) -> list[Message]:
    """The chat prompt of one of the questions over passages of that name."""
    text = "\n\n".join(PASSAGE.format(name=name, n=n) for n in range(passages))
    return [Message("user", f"{text}\n\n{QUESTIONS[question]}")]


if __name__ == "__main__":
    main()
