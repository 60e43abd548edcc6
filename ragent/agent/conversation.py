"""A conversation with an agent: its last turns as they were said, those before them in a summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from ragent.agent.agent import Agent
from ragent.agent.plain import as_json, cut, plain_text
from ragent.agent.run import Run
from ragent.errors import ContextOverflow, LLMError
from ragent.prompts import Fitted, fit, load_prompt
from ragent.rag.condensing import added
from ragent.types import Message, Role, Sampling, Usage

_SUMMARY_SHARE = 4
_SHORTEST = 32
_LEAST_CHARS = 200
_LONGEST_CHARS = 2000
_HEAD = "In short, what was said before: "


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that was said. `tainted`: whether somebody else than the user had a hand in it."""

    role: Role
    content: str
    tainted: bool = False


@dataclass(slots=True)
class Conversation:
    """Tasks one after the other, each of which knows what was said before. For one thread at a time.

    Once a turn is tainted, the conversation stays so, for its summary may carry what was planted.

    Attributes:
        agent: does the tasks. Its own `history` comes first.
        tokens: the longest that what was said may be, by the model's own count, before it is summarised.
        verbatim: how many of the last turns are never summarised.
        turns: all that was said, in order.
        summary: of the first `summarised` of them; data, as the model wrote it.
        usage: tokens that summaries took.
    """

    agent: Agent
    tokens: int = 1000
    verbatim: int = 4
    turns: list[Turn] = field(default_factory=list)
    summary: str = ""
    summarised: int = 0
    usage: Usage = field(default_factory=Usage)

    @property
    def tainted(self) -> bool:
        """Whether anything in it was written by somebody else than the user."""
        return any(turn.tainted for turn in self.turns)

    @property
    def history(self) -> tuple[Message, ...]:
        """What the next task is told of it."""
        said = tuple(Message(turn.role, turn.content) for turn in self.turns[self.summarised :])
        return (Message("assistant", _HEAD + self.summary), *said) if self.summary else said

    def run(self, task: str, **options: Any) -> Run:
        """Do a task, as `Agent.run` does with these options, and keep what was said. Raises as it does."""
        tainted = bool(options.pop("tainted", False))
        agent = replace(self.agent, history=(*self.agent.history, *self.history))
        done = agent.run(task, tainted=tainted or self.tainted, **options)
        self.add(Turn("user", task, tainted), Turn("assistant", _told(done), done.tainted))
        return done

    def add(self, *turns: Turn) -> None:
        """Keep turns, and summarise the oldest if it is too much. A model that fails then is asked later."""
        self.turns += [replace(turn, content=plain_text(turn.content)) for turn in turns]
        try:
            while self._is_long and len(self.turns) - self.summarised > self.verbatim:
                self._summarise()
        except LLMError:
            return

    @property
    def _is_long(self) -> bool:
        return self.agent.llm.count_prompt(self.history) > self.tokens

    def _summarise(self) -> None:
        """Take into the summary as many of the oldest turns as the model can read at once."""
        llm, longest = self.agent.llm, max(_SHORTEST, self.tokens // _SUMMARY_SHARE)
        longest = min(longest, llm.context_tokens // _SUMMARY_SHARE)
        fitted = self._fitted(self.turns[self.summarised : -self.verbatim or None], longest)
        written = ""
        for delta in llm.stream(fitted.messages, Sampling(max_tokens=longest)):
            written += delta.text
            self.usage = added(self.usage, delta.usage or Usage())
        taken = fitted.kept["turns"]
        said = " ".join(f"{turn.role}: {cut(turn.content, _LEAST_CHARS)[0]}" for turn in taken)
        self.summary = plain_text(written).strip() or f"{self.summary} {said}".strip()[-_LONGEST_CHARS:]
        self.summarised += len(taken)

    def _fitted(self, turns: Sequence[Turn], longest: int) -> Fitted:
        """The prompt, a giant turn shortened until the first fits. Raises ContextOverflow."""
        llm, template = self.agent.llm, load_prompt("summarise")
        most = max(len(turn.content) for turn in turns)
        while True:
            shown = [replace(turn, content=cut(turn.content, most)[0]) for turn in turns]
            try:
                return fit(
                    template,
                    {"summary": self.summary, "turns": shown},
                    count_prompt=llm.count_prompt,
                    budget=llm.context_tokens - longest,
                )
            except ContextOverflow:
                if most <= _LEAST_CHARS:
                    raise
                most = max(most // 2, _LEAST_CHARS)


def _told(done: Run) -> str:
    if done.stop_reason != "answer":
        return f"(no answer: {done.stop_reason}; {done.note})"
    if isinstance(done.output, str):
        return done.output
    return as_json(TypeAdapter(type(done.output)).dump_python(done.output, mode="json"))
