"""What an agent's run is made of: calls, observations, steps, and what ended it. Plain and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ragent.types import Usage

StopReason = Literal["answer", "steps", "tokens", "seconds", "cost", "no_progress", "cancelled", "error"]
"""Why a run ended. All but "answer" can be resumed, with other limits if need be."""

ObservationKind = Literal["result", "error", "refused"]
"""What a tool gave, why it gave nothing, or that it was not run because nobody agreed to it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a run may use, its sub-agents included; None is without limit.

    Attributes:
        steps: times that the model is asked to act, the final answer included: the last can only answer.
        tokens: of prompts and outputs together, by the model's own count.
        seconds: of wall-clock time. A tool that runs isn't interrupted, but the next one doesn't begin.
        cost: by `Price`, in its currency.
        idle_steps: steps one after the other that gave no observation which wasn't there before.
    """

    steps: int | None = 10
    tokens: int | None = None
    seconds: float | None = None
    cost: float | None = None
    idle_steps: int = 3


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in any currency; 0 for a model that runs here."""

    prompt: float = 0.0
    completion: float = 0.0

    def of(self, usage: Usage) -> float:
        """What the tokens of `usage` cost."""
        return (self.prompt * usage.prompt_tokens + self.completion * usage.completion_tokens) / 1e6


@dataclass(frozen=True, slots=True)
class Call:
    """A tool by its name, and arguments that are valid by its schema."""

    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Observation:
    """What became of a call.

    Attributes:
        text: what the model is shown; where it was cut, it says so itself.
        kind: whether it is what the tool gave.
        tainted: whether any of it was written by somebody else than the user.
        left_out: characters of what the tool gave that there was no room for.
        seconds: that the call took.
    """

    text: str
    kind: ObservationKind = "result"
    tainted: bool = False
    left_out: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the loop. `observations` are of `calls`, in the same order; an answer has none.

    A step that asked for nothing that could be done has no calls and one observation, which says why.
    A step whose calls were begun but not ended has calls without observations.

    Attributes:
        number: counts from 1.
        thought: what the model wrote before it acted.
        calls: what it asked for; several only of pure tools.
        observations: what became of them.
        seconds: of wall-clock time, tools included.
        tainted: whether the context was tainted when the step ended.
        usage: tokens of this step, those of sub-agents included.
        unseen: how many of the earlier steps the prompt had no room for, from the oldest on.
        shortened: how many characters of the other steps' observations it left out for want of room.
        cost: by the agent's price, that of sub-agents included.
    """

    number: int
    thought: str
    calls: tuple[Call, ...] = ()
    observations: tuple[Observation, ...] = ()
    seconds: float = 0.0
    tainted: bool = False
    usage: Usage = field(default_factory=Usage)
    unseen: int = 0
    shortened: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """A task and what an agent did about it.

    Attributes:
        id: names it in the database.
        task: what was to be done.
        steps: in order.
        output: the answer, in the form that was asked for; None where there is none.
        stop_reason: None while it isn't over.
        usage: tokens of all steps.
        seconds: of wall-clock time, over all times that it was resumed.
        tainted: whether anything in its context was written by somebody else than the user.
        cost: by the agent's price.
        note: what else is to be said of its end: the error, say.
        parent: the id of the run whose sub-agent this is, or "".
    """

    id: str
    task: str
    steps: tuple[Step, ...] = ()
    output: Any = None
    stop_reason: StopReason | None = None
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    tainted: bool = False
    cost: float = 0.0
    note: str = ""
    parent: str = ""
