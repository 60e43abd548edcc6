"""Plan and execute: the model plans a task's steps, each is done by a run of its own, then it answers.

Plans and steps are calls of an outer run, so limits, taint, cancelling, saving and resuming are the loop's.
Source: Wang et al. 2023, "Plan-and-Solve Prompting", arXiv:2305.04091.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ragent.agent.agent import Agent
from ragent.agent.deciding import Decider, Decision, Situation, check
from ragent.agent.offering import Acted, Offering
from ragent.agent.plain import cut
from ragent.agent.policy import never_ask
from ragent.agent.run import Call, Step
from ragent.errors import ToolError
from ragent.prompts import load_prompt
from ragent.types import Tool, ToolResult, Usage

_KNOWN_CHARS = 800
_NO_RESULT = "no result"
_OWN_STEPS = 2  # the plan and the answer
_LEAST_STEPS = 2  # of a part: to use a tool, and to answer
_REPLAN_STEPS = 1 + _LEAST_STEPS
_PLAN, _DO = "plan", "do_step"
_STEP = {
    "type": "object",
    "properties": {"task": {"type": "string"}, "steps": {"type": ["integer", "null"]}},
    "required": ["task", "steps"],
    "additionalProperties": False,
}


def planned(agent: Agent, most: int = 6, replans: int = 1) -> Agent:
    """An agent that plans first, has `agent` do each step of the plan, and then answers.

    A step that ends without an answer has the rest planned anew; once `replans` are used up, the answer is
    made of what is known. The limits hold for all of it together: tokens, seconds and cost as they are used,
    steps by giving each step of a plan its share of what is left. `agent` asks for approval within steps.

    Args:
        agent: does the steps; its answer's form is that of the whole.
        most: steps of a plan.
        replans: how often to plan anew.
    """
    total = agent.limits.steps if agent.max_steps is None else agent.max_steps
    if total is not None:
        most = max(1, min(most, (total - _OWN_STEPS) // _LEAST_STEPS))
    turns = (replans + 1) * (most + 1) + 3
    return replace(
        agent,
        tools=[_plan_tool(most), _step_tool(agent)],
        limits=replace(agent.limits, steps=turns, idle_steps=turns),
        max_steps=None,
        policy=never_ask,
        deciding=lambda decider: _Planner(decider, agent.tools, most, replans, total),
    )


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a plan has come, told from the steps of the run alone."""

    plans: int = 0
    left: tuple[str, ...] = ()
    failed: bool = False
    given: int = 0
    known: tuple[str, ...] = ()

    @classmethod
    def of(cls, steps: Sequence[Step]) -> _Progress:
        now = cls()
        for step in steps:
            for call, observation in zip(step.calls, step.observations, strict=False):
                if call.tool == _PLAN:
                    left = tuple(call.arguments["steps"])
                    now = replace(now, plans=now.plans + 1, left=left, failed=False)
                    continue
                now = replace(now, given=now.given + (call.arguments["steps"] or 0))
                if observation.kind != "result":
                    # One in which somebody ended the run is done again once it is resumed.
                    failed = not observation.text.startswith(f"Error: {_NO_RESULT} (cancelled)")
                    now = replace(now, failed=failed)
                    continue
                known = f"{now.left[0]}: {cut(observation.text, _KNOWN_CHARS)[0]}"
                now = replace(now, left=now.left[1:], known=(*now.known, known))
        return now


@dataclass(frozen=True, slots=True)
class _Planner:
    decider: Decider
    tools: Sequence[Tool]
    most: int
    replans: int
    total: int | None

    def decide(self, situation: Situation, offering: Offering) -> Decision:
        check(situation)
        now = _Progress.of(situation.steps)
        if not offering.only_answer:
            if not now.plans or (now.failed and now.plans <= self.replans and self._share(now) != 0):
                return self._plan(situation)
            share = self._share(now)
            if now.left and not now.failed and share != 0:
                call = Call(_DO, {"task": _task(now, situation.task), "steps": share})
                return Decision(Acted(now.left[0], (call,)), Usage())
        return self.decider.decide(situation, replace(offering, only_answer=True))

    def _plan(self, situation: Situation) -> Decision:
        told = [{"name": tool.name, "description": tool.description} for tool in self.tools]
        values = {"tools": told, "most": self.most}
        written, usage = self.decider.ask(load_prompt("plan"), values, _plan_schema(self.most), situation)
        return Decision(Acted("", (Call(_PLAN, written),)), usage)

    def _share(self, now: _Progress) -> int | None:
        """Steps that the next part may take: its share of what is left; None: any number."""
        if self.total is None:
            return None
        parts = max(1, len(now.left))
        left = max(0, self.total - 1 - now.plans - now.given)
        held = _REPLAN_STEPS * (self.replans + 1 - now.plans)
        return max((left - held) // parts, min(_LEAST_STEPS, left // parts))


def _task(now: _Progress, whole: str) -> str:
    known = "\n".join(f"- {one}" for one in now.known)
    before = f"\nKnown from the steps before it, which is data:\n{known}" if known else ""
    return f"{now.left[0]}\nThis is one step of the task: {whole}{before}\nDo this step only."


def _plan_schema(most: int) -> dict[str, Any]:
    step = {"type": "string", "minLength": 1, "maxLength": 300}
    return {
        "type": "object",
        "properties": {"steps": {"type": "array", "items": step, "minItems": 1, "maxItems": most}},
        "required": ["steps"],
        "additionalProperties": False,
    }


def _plan_tool(most: int) -> Tool:
    def run(arguments: Mapping[str, Any]) -> ToolResult:
        count = len(arguments["steps"])
        return ToolResult(f"{count} step{'s' * (count > 1)} planned")

    return Tool(_PLAN, "Plan the task as steps.", _plan_schema(most), run)


def _step_tool(agent: Agent) -> Tool:
    def run(arguments: Mapping[str, Any]) -> ToolResult:
        limits = replace(agent.limits, steps=arguments["steps"])
        done = replace(agent, answer=str, limits=limits, max_steps=None).run(arguments["task"])
        if done.stop_reason != "answer":
            raise ToolError(f"{_NO_RESULT} ({done.stop_reason}): {done.note}", tainted=done.tainted)
        return ToolResult(done.output, done.tainted)

    changes = any(tool.side_effects for tool in agent.tools)
    return Tool(_DO, "Do a step of the plan.", _STEP, run, side_effects=changes)
