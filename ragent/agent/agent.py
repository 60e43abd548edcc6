"""Agents: a model, its tools, and the limits and rules that its runs keep to."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

from ragent.agent.calling import Caller
from ragent.agent.deciding import Decider, Decides
from ragent.agent.guarding import Budget
from ragent.agent.loop import Loop
from ragent.agent.offering import Offering, answer_target, by_name
from ragent.agent.plain import as_json, plain_text
from ragent.agent.policy import Approve, Policy, ask_when_tainted
from ragent.agent.run import Limits, Price, Run, Step
from ragent.agent.runs import Record, RunStore, Unkept
from ragent.agent.scope import Scope, current_scope
from ragent.errors import BudgetExceeded, ConfigError
from ragent.prompts import PromptTemplate, load_prompt
from ragent.protocols import LLM
from ragent.trace import Tracer, invoke_agent, within
from ragent.types import Message, Sampling, Tool, ToolResult

_LIMITED = ("steps", "tokens", "seconds", "cost", "no_progress")
_TASK = {
    "type": "object",
    "properties": {
        "task": {"type": "string", "description": "what is to be done, with all that must be known"}
    },
    "required": ["task"],
    "additionalProperties": False,
}


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
        observation_chars: the most of what a tool gave that is kept and shown.
        price: of tokens, for `Limits.cost`.
        deciding: puts something between the model and the loop (see `planned`, `critical`); None: nothing.
        tracer: where spans of runs go (`rag.tracer`); None: only into the trace around them, if any.
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
    deciding: Callable[[Decider], Decides] | None = None
    tracer: Tracer | None = None

    def run(
        self,
        task: str,
        *,
        strict: bool = False,
        tainted: bool = False,
        on_step: Callable[[Step], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Run:
        """Do a task. The run says what came of it; nothing that the model or a tool does is an exception.

        Args:
            task: what is to be done.
            strict: raise where a limit ended the run.
            tainted: whether any of the task, or of the conversation before it, was written by somebody else
                than the user.
            on_step: called after each step.
            should_stop: asked now and then; once it is true, the run ends as "cancelled".

        Raises:
            BudgetExceeded: with `strict`, where a limit ended the run, which is its `run`.
            ConfigError: two tools have one name, or the prompt can't be used.
            SchemaError: the answer's form can't be enforced.
            StoreError: the run can't be kept.
        """
        return self._last(self.stream(task, tainted=tainted, should_stop=should_stop), on_step, strict)

    def stream(
        self, task: str, *, tainted: bool = False, should_stop: Callable[[], bool] = lambda: False
    ) -> Iterator[Step | Run]:
        """Like `run`, yielding each step when it is done; the Run comes last."""
        scope = current_scope()
        tainted = tainted or bool(scope and scope.tainted)
        parent = scope.run_id if scope else ""
        run = Run(uuid.uuid4().hex[:12], plain_text(task), tainted=tainted, parent=parent)
        runs = self.runs or (scope.runs if scope else None)
        offering = self._offering()
        record = runs.begin(run) if runs else Unkept()
        return within(self._steps(run, record, offering, should_stop))

    def resume(
        self,
        run_id: str,
        *,
        strict: bool = False,
        on_step: Callable[[Step], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Run:
        """Go on with a run that is kept in `runs`, in this process or another, after its last step.

        One that was interrupted within a call makes it again if it has no side effects; else it asks
        `approve` whether to, and ends as "error" where that is None. An answered run is returned as it is.

        Raises as `run` does, ConfigError too if `runs` is None, and StoreError if there is no such run.
        """
        return self._last(self.stream_resumed(run_id, should_stop=should_stop), on_step, strict)

    def stream_resumed(
        self, run_id: str, *, should_stop: Callable[[], bool] = lambda: False
    ) -> Iterator[Step | Run]:
        """Like `resume`, yielding each new step when it is done; the Run comes last."""
        if self.runs is None:
            raise ConfigError("the agent keeps no runs", hint="give it SavedRuns(rag.store)")
        offering = self._offering()
        run, record = self.runs.reopen(run_id)
        if run.stop_reason == "answer":
            return iter((replace(run, output=offering.answered("", run.output).answer),))
        missing = {call.tool for step in run.steps for call in step.calls} - offering.tools.keys()
        if missing:
            raise ConfigError(f"the run used tools that this agent lacks: {', '.join(sorted(missing))}")
        return within(self._steps(replace(run, stop_reason=None, note=""), record, offering, should_stop))

    def as_tool(self, name: str, description: str) -> Tool:
        """This agent as a tool of another, which gives it tasks.

        Its run keeps within what is left to the caller's, and counts there; taint passes both ways; where it
        has nobody to ask, or no place to keep its runs, it takes the caller's.
        """

        def run(arguments: Mapping[str, Any]) -> ToolResult:
            done = self.run(str(arguments["task"]))
            if done.stop_reason != "answer":
                return ToolResult(f"No answer ({done.stop_reason}): {done.note}", done.tainted)
            output = done.output if isinstance(done.output, str) else as_json(_dumped(done.output))
            return ToolResult(output, done.tainted)

        return Tool(name, description, _TASK, run, side_effects=any(tool.side_effects for tool in self.tools))

    def _steps(
        self, run: Run, record: Record, offering: Offering, should_stop: Callable[[], bool]
    ) -> Iterator[Step | Run]:
        loop = self._loop(run, record, offering, should_stop)
        with invoke_agent("agent", tracer=self.tracer, run=run.id) as span:
            span.text("task", run.task)
            yield from loop.go_on()
            done = loop.run
            span.usage(done.usage)
            span.set({"ragent.stop_reason": done.stop_reason or "", "ragent.steps": len(done.steps)})
            if caller := current_scope():
                caller.spent.append((done.usage, done.cost))
        if done.stop_reason == "answer":
            done = replace(done, output=offering.answered("", done.output).answer)
        yield done

    def _loop(self, run: Run, record: Record, offering: Offering, should_stop: Callable[[], bool]) -> Loop:
        caller = current_scope()
        approve = self.approve or (caller.approve if caller else None)
        limits = self.limits if self.max_steps is None else replace(self.limits, steps=self.max_steps)

        def is_cancelled() -> bool:
            return should_stop() or bool(caller and caller.is_cancelled()) or record.is_cancelled()

        decider = Decider(
            self.llm,
            self.prompt or load_prompt("react"),
            load_prompt("act"),
            self.sampling,
            {"instructions": self.instructions, "history": self.history},
        )
        return Loop(
            run=run,
            decider=self.deciding(decider) if self.deciding else decider,
            caller=Caller(offering.tools, self.policy, approve, self.observation_chars),
            budget=Budget.of(limits, run, caller),
            offering=offering,
            record=record,
            scope=Scope(
                run.id,
                run.tainted,
                is_cancelled,
                approve=approve,
                runs=self.runs or (caller.runs if caller else None),
            ),
            price=self.price,
        )

    def _offering(self) -> Offering:
        return Offering(by_name(self.tools), answer_target(self.answer), penalty=self.sampling.repeat_penalty)

    def _last(self, steps: Iterator[Step | Run], on_step: Callable[[Step], None], strict: bool) -> Run:
        for step in steps:
            if isinstance(step, Run):
                if strict and step.stop_reason in _LIMITED:
                    raise BudgetExceeded(
                        f"the run ended without an answer: {step.note}",
                        run=step,
                        hint="raise its limit; a kept run can be resumed",
                    )
                return step
            on_step(step)
        raise RuntimeError("the steps ended without a run")


def _dumped(value: Any) -> Any:
    """A value of any type that pydantic knows, as JSON."""
    from pydantic import TypeAdapter

    return TypeAdapter(type(value)).dump_python(value, mode="json")
