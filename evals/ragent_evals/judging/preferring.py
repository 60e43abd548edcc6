"""Pairs of answers of which one is better, to tune models by: constitutional critique, AI feedback.

Bai et al. 2022, "Constitutional AI" (arXiv:2212.08073): a model answers, says how its answer falls short of a
principle, and writes it anew; then a judge says which of the two keeps the principle better. Nothing is taken
for better because it came later: where the judge likes the draft, the draft is what was chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ragent.errors import EvalError, LLMError
from ragent.prompts import PromptTemplate, fit, load_prompt
from ragent.protocols import LLM
from ragent.types import Message, PromptUsed, Sampling
from ragent_evals.judging.answered import read_lines
from ragent_evals.judging.judge import Memory
from ragent_evals.judging.pairwise import PairJudge
from ragent_evals.judging.principles import Principle, chosen_by_lot
from ragent_evals.sets.opening import open_set

Reason = Literal["flipped", "small margin", "same", "cut off", "empty", "error"]
"""Why a pair was dropped: the order decided, the judge hardly cared, both answers are the same, one has
reached the token limit, one is empty, or the model failed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, or any prompt."""

    id: str
    question: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to a question, and the better of them by a principle. `margin` is the judge's, 0 to 1."""

    id: str
    question: str
    chosen: str
    rejected: str
    principle: str
    margin: float
    provenance: Mapping[str, Any]

    def line(self, *, conversational: bool) -> dict[str, Any]:
        """The JSON object of TRL's preference layout: messages, or plain texts."""
        texts = {"prompt": self.question, "chosen": self.chosen, "rejected": self.rejected}
        told: dict[str, Any] = dict(texts)
        if conversational:
            for name, text in texts.items():
                told[name] = [{"role": "user" if name == "prompt" else "assistant", "content": text}]
        about = {"id": self.id, "principle": self.principle, "margin": self.margin}
        return {**told, **about, "provenance": self.provenance}


@dataclass(frozen=True, slots=True)
class Dropped:
    """A question that gave no pair, with the reason. `bias` is the judge's, if it was asked."""

    id: str
    reason: Reason
    detail: str = ""
    bias: float | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """How pairs are made.

    Attributes:
        principles: one is chosen for each question, by lot.
        sampling: how answers, critiques and revisions are written; its seed decides the lots, too.
        least_margin: pairs with a smaller one are dropped.
        prompts: HOME/prompts, whose templates win; None: ragent's own.
        identity: tells the judge's model from others, see `Judge`.
        memory: where verdicts are kept.
    """

    principles: Sequence[Principle]
    sampling: Sampling
    least_margin: float = 0.1
    prompts: Path | None = None
    identity: str = ""
    memory: Memory | None = None


class Critic:
    """Has a model write pairs of answers, and a judge choose between them."""

    def __init__(self, llm: LLM, judging: LLM, setup: Setup) -> None:
        """`llm` writes, `judging` judges: perhaps the same. Raises ConfigError for a broken prompt."""
        self._llm = llm
        self._setup = setup
        self._critique = load_prompt("principle-critique", setup.prompts)
        self._revise = load_prompt("principle-revise", setup.prompts)
        self._choose = load_prompt("judge-pair", setup.prompts)
        self._judges = {
            principle.name: PairJudge(
                judging,
                principle=principle.text,
                template=self._choose,
                memory=setup.memory,
                identity=setup.identity,
            )
            for principle in setup.principles
        }

    @property
    def prompts(self) -> tuple[PromptUsed, ...]:
        """The templates in use."""
        return self._critique.used, self._revise.used, self._choose.used

    def pairs(self, asked: Sequence[Asked]) -> Iterator[Pair | Dropped]:
        """A pair, or why there is none, for each question; a failure costs that question alone."""
        for one in asked:
            try:
                yield self.pair(one)
            except _Unfit as unfit:
                yield Dropped(one.id, unfit.reason)
            except LLMError as error:
                yield Dropped(one.id, "error", error.message)

    def pair(self, asked: Asked) -> Pair | Dropped:
        """Answer, critique, revise, and choose. Raises LLMError if the model fails."""
        principle = chosen_by_lot(self._setup.principles, f"{self._setup.sampling.seed} {asked.id}")
        draft = self._written([Message("user", asked.question)])
        about = {"question": asked.question, "answer": draft, "principle": principle.text}
        critique = self._written(self._fitted(self._critique, about))
        revision = self._written(self._fitted(self._revise, {**about, "critique": critique}))
        if draft == revision:
            return Dropped(asked.id, "same")
        found = self._judges[principle.name].prefer(asked.question, revision, draft)
        if found.flipped:
            return Dropped(asked.id, "flipped", bias=found.bias)
        if found.margin < self._setup.least_margin:
            return Dropped(asked.id, "small margin", bias=found.bias)
        revised = found.left > 0.5
        chosen, rejected = (revision, draft) if revised else (draft, revision)
        told = {"chosen": "revision" if revised else "draft", "critique": critique, "model": self._llm.name}
        judge = {"judge": self._judges[principle.name].judge.name, "by": found.by, "bias": found.bias}
        seed = {"seed": self._setup.sampling.seed}
        return Pair(
            asked.id,
            asked.question,
            chosen,
            rejected,
            principle.name,
            found.margin,
            {**told, **judge, **seed},
        )

    def _fitted(self, template: PromptTemplate, values: Mapping[str, Any]) -> Sequence[Message]:
        room = self._llm.context_tokens - (self._setup.sampling.max_tokens or 0)
        return fit(template, values, count_prompt=self._llm.count_prompt, budget=room).messages

    def _written(self, messages: Sequence[Message]) -> str:
        deltas = list(self._llm.stream(messages, self._setup.sampling))
        if deltas and deltas[-1].finish_reason == "length":
            raise _Unfit("cut off")
        text = "".join(delta.text for delta in deltas).strip()
        if not text:
            raise _Unfit("empty")
        return text


class _Unfit(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def read_questions(path: Path) -> list[Asked]:
    """Questions from JSON Lines with a `question` each, from any eval set, or one a line of plain text.

    Raises:
        EvalError: there is none, or a line isn't of that form.
    """
    if path.is_dir() or path.suffix == ".json":
        return [Asked(case.id, case.question) for case in open_set(path).cases]
    if path.suffix == ".jsonl":
        lines = read_lines(path, lambda line: (line.get("id"), str(line["question"]).strip()))
        found = [Asked(str(id_ or number), text) for number, (id_, text) in enumerate(lines, 1) if text]
    else:
        try:
            texts = [line.strip() for line in path.read_text("utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise EvalError(f"can't read {path}: {error}", hint="a question a line, or JSON Lines") from error
        found = [Asked(str(number), text) for number, text in enumerate(texts, 1) if text]
    if not found:
        raise EvalError(f"{path} holds no question", hint="a question a line, or JSON Lines")
    return found
