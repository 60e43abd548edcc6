"""Agents: a model, its tools, and the limits and rules that its runs keep to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from ragent.agent.policy import Approve, Policy, ask_when_tainted
from ragent.agent.run import Limits, Price, Run, Step
from ragent.agent.runs import RunStore
from ragent.agent.tool import Tool
from ragent.prompts import PromptTemplate
from ragent.protocols import LLM
from ragent.types import Message, Sampling


@dataclass(frozen=True, slots=True)
class Agent:
    """Does tasks with tools, step by step, as ReAct does (Yao et al. 2022, arXiv:2210.03629).

    Attributes:
        llm: the model.
        tools: what it may do; names are unique.
        limits: how much a run may use.
        max_steps: the same as `Limits(steps=...)`; None: as `limits` says.
        policy: says when a person must agree to a call.
        approve: asks that person; None: nobody is there, so such calls are refused, and the model is told.
        answer: the form of the output, as `ragent.structured.target_of` takes it; by default text.
        runs: where runs are kept after each step; None: nowhere, so they can't be resumed.
        instructions: said to the model beside the task: a role, rules.
        history: the conversation before the task; the oldest turns give way where room is short.
        prompt: another template than `react`.
        sampling: how the model picks tokens; `max_tokens` is the longest step.
        observation_chars: the most of an observation that the model is shown.
        price: of tokens, for `Limits.cost`.
    """

    llm: LLM
    tools: Sequence[Tool] = ()
    _: KW_ONLY
    limits: Limits = field(default_factory=Limits)
    max_steps: int | None = None
    policy: Policy = ask_when_tainted
    approve: Approve | None = None
    answer: Any = str
    runs: RunStore | None = None
    instructions: str = ""
    history: Sequence[Message] = ()
    prompt: PromptTemplate | None = None
    sampling: Sampling = field(default_factory=lambda: Sampling(max_tokens=384))
    observation_chars: int = 4000
    price: Price = field(default_factory=Price)

    def run(
        self,
        task: str,
        *,
        strict: bool = False,
        tainted: bool = False,
        on_step: Callable[[Step], None] = lambda _: None,
    ) -> Run:
        """Do a task. The run says what came of it; nothing that the model or a tool does is an exception.

        Args:
            task: what is to be done.
            strict: raise where a limit ended the run.
            tainted: whether any of the task was written by somebody else than the user.
            on_step: called after each step.

        Raises:
            BudgetExceeded: with `strict`, where a limit ended the run, which is its `run`.
            ConfigError: two tools have one name, or the prompt can't be used.
            SchemaError: the answer's form can't be enforced.
        """
        raise NotImplementedError

    def stream(self, task: str, *, tainted: bool = False) -> Iterator[Step | Run]:
        """Like `run`, yielding each step when it is done; the Run comes last."""
        raise NotImplementedError

    def resume(self, run_id: str) -> Iterator[Step | Run]:
        """Go on with a run that is kept in `runs`, in this process or another, after its last step."""
        raise NotImplementedError

    def as_tool(self, name: str, description: str) -> Tool:
        """This agent as a tool of another, which gives it tasks. Taint and limits pass on both ways."""
        raise NotImplementedError
