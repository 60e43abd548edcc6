"""The loop: the model decides, what it decided is done, what came of it is observed; until it answers.

Source: Yao et al. 2022, "ReAct: Synergizing Reasoning and Acting in Language Models", arXiv:2210.03629.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ragent.agent.calling import Caller
from ragent.agent.deciding import Decides, Decision, Stopped
from ragent.agent.guarding import Budget, Circles
from ragent.agent.offering import Offering
from ragent.agent.run import Call, Observation, Price, Run, Step
from ragent.agent.runs import Record
from ragent.agent.scope import Scope
from ragent.errors import LLMError, RagentError, StoreError
from ragent.rag.condensing import added
from ragent.trace import agent_step

_UNKNOWN = "it is not known whether this call, which was begun before the run was interrupted, was done"


@dataclass(slots=True)
class Loop:
    """One run on its way.

    Attributes:
        run: as it is so far; its last step has no observations where it was interrupted in calls.
        decider: says what is done next.
        caller: makes calls.
        budget: what is left to the run.
        offering: what the next step may be.
        record: where the run is kept.
        scope: what tools may know of the run; its `tainted` and what is left are brought up to date here.
        price: of tokens.
    """

    run: Run
    decider: Decides
    caller: Caller
    budget: Budget
    offering: Offering
    record: Record
    scope: Scope
    price: Price
    circles: Circles = field(init=False)
    _began: float = field(init=False)
    _before: float = field(init=False)

    def __post_init__(self) -> None:
        self._began, self._before = time.monotonic(), self.run.seconds
        unfinished = bool(self.run.steps) and _is_unfinished(self.run.steps[-1])
        self.circles = Circles.of(self.run.steps[:-1] if unfinished else self.run.steps)

    def go_on(self) -> Iterator[Step]:
        """Until the run is over. Raises StoreError if it can't be kept; nothing else is raised."""
        try:
            if self.run.steps and _is_unfinished(self.run.steps[-1]):
                yield self._settle(self.run.steps[-1])
            while True:
                if reached := self.budget.reached(self.run, self.circles.idle):
                    raise Stopped(*reached)
                began = time.perf_counter()
                with agent_step(len(self.run.steps) + 1) as span:
                    decision = self.decider.decide(self, self._offered())
                    step = self._step(decision)
                    if decision.acted.is_answer:
                        self.run = replace(self.run, output=decision.acted.value, stop_reason="answer")
                    else:
                        step = self._observed(step)
                    step = self._kept(replace(step, seconds=time.perf_counter() - began))
                    span.usage(step.usage)
                yield step
                if self.run.stop_reason:
                    return
        except Stopped as stopped:
            self._end(stopped)
        except StoreError:
            raise
        except Exception as error:  # a model is anybody's code: the run says what it did
            told = error.message if isinstance(error, RagentError) else f"{type(error).__name__}: {error}"
            late = isinstance(error, LLMError) and self.seconds_left == 0
            self._end(Stopped("seconds", "its time is over") if late else Stopped("error", told))

    def _offered(self) -> Offering:
        """What the next step may be."""
        last, taken_out = self.budget.is_last(self.run), self.circles.taken_out
        if (last, taken_out) != (self.offering.only_answer, self.offering.taken_out):
            self.offering = replace(self.offering, taken_out=taken_out, only_answer=last)
        return self.offering

    def _step(self, decision: Decision) -> Step:
        acted = decision.acted
        problem = () if not acted.problem else (Observation(acted.problem, "error"),)
        return Step(
            number=len(self.run.steps) + 1,
            thought=acted.thought,
            calls=acted.calls,
            observations=problem,
            tainted=self.run.tainted,
            usage=decision.usage,
            unseen=decision.unseen,
            shortened=decision.shortened,
            cost=self.price.of(decision.usage),
        )

    def _observed(self, step: Step) -> Step:
        """The step with what came of its calls; what somebody must agree to, and nobody does, isn't done."""
        refused = [self.caller.refusal(call, self.run.tainted) for call in step.calls]
        agreed = [call for call, refusal in zip(step.calls, refused, strict=True) if refusal is None]
        if not agreed:
            told = tuple(refusal for refusal in refused if refusal)
            return replace(step, observations=(*step.observations, *told))
        if any(self.caller.tools[call.tool].side_effects for call in agreed):
            self.record.intend(step)
        return self._made(step, agreed, refused)

    def _made(self, step: Step, agreed: Sequence[Call], refused: Sequence[Observation | None]) -> Step:
        spent = replace(self.run, usage=added(self.run.usage, step.usage), cost=self.run.cost + step.cost)
        scope = replace(
            self.scope,
            tainted=self.run.tainted,
            tokens_left=self.budget.tokens_left(spent),
            deadline=self.budget.deadline,
            cost_left=self.budget.cost_left(spent),
            spent=[],
        )
        made = iter(self.caller.make(agreed, scope))
        observations = tuple(refusal or next(made) for refusal in refused)
        for usage, cost in scope.spent:
            step = replace(step, usage=added(step.usage, usage), cost=step.cost + cost)
        tainted = self.run.tainted or any(observation.tainted for observation in observations)
        return replace(step, observations=observations, tainted=tainted)

    def _settle(self, step: Step) -> Step:
        """Finish a step in whose calls the run was interrupted: side effects aren't repeated unasked."""
        began = time.perf_counter()
        unsure = [call for call in step.calls if self.caller.tools[call.tool].side_effects]
        self.run = replace(self.run, steps=self.run.steps[:-1])
        if unsure and self.caller.approve is None:
            self.run = replace(self.run, steps=(*self.run.steps, step))
            raise Stopped("error", f"{_UNKNOWN}, and nobody is there to say: {unsure[0].tool}")
        if unsure and not self.caller.agreed(unsure[0], f"{_UNKNOWN}: do it now?"):
            told = tuple(Observation(f"Not repeated: {_UNKNOWN}.", "refused") for _ in step.calls)
            return self._kept(replace(step, observations=told))
        step = self._made(step, step.calls, [None] * len(step.calls)) if unsure else self._observed(step)
        return self._kept(replace(step, seconds=time.perf_counter() - began))

    def _kept(self, step: Step) -> Step:
        self.circles.note(step)
        self.run = replace(
            self.run,
            steps=(*self.run.steps, step),
            usage=added(self.run.usage, step.usage),
            tainted=step.tainted,
            cost=self.run.cost + step.cost,
            seconds=self._seconds,
        )
        self.record.keep(self.run)
        return step

    def _end(self, stopped: Stopped) -> None:
        self.run = replace(self.run, stop_reason=stopped.reason, note=stopped.note, seconds=self._seconds)
        self.record.keep(self.run)

    @property
    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._began

    # -- what the decision goes by ----------------------------------------------------------------------

    @property
    def task(self) -> str:
        """What is to be done."""
        return self.run.task

    @property
    def steps(self) -> Sequence[Step]:
        """So far."""
        return self.run.steps

    @property
    def tokens_left(self) -> int | None:
        """Of the budget; None: any number."""
        return self.budget.tokens_left(self.run)

    @property
    def seconds_left(self) -> float | None:
        """Until the deadline; None: any time."""
        return self.budget.seconds_left

    def is_cancelled(self) -> bool:
        """Whether the caller, the run that this one is a part of, or another process wants it to end."""
        return self.scope.is_cancelled()


def _is_unfinished(step: Step) -> bool:
    return len(step.observations) < len(step.calls)
