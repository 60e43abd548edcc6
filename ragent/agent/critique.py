"""Self-critique: an answer is checked against what was observed before it is given, and revised.

Source: Madaan et al. 2023, "Self-Refine: Iterative Refinement with Self-Feedback", arXiv:2303.17651.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ragent.agent.agent import Agent
from ragent.agent.deciding import Decider, Decides, Decision, Situation, Stopped
from ragent.agent.offering import Acted, Offering
from ragent.agent.plain import as_json, cut
from ragent.agent.run import Step
from ragent.errors import ContextOverflow, MalformedOutput
from ragent.prompts import load_prompt
from ragent.rag.condensing import added

_MOST_PROBLEMS = 4
_DRAFT_CHARS = 1500
_HEAD = "This answer was not accepted: "
_PROBLEMS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "problems": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 300},
            "maxItems": _MOST_PROBLEMS,
        }
    },
    "required": ["problems"],
    "additionalProperties": False,
}


def critical(agent: Agent, revisions: int = 2) -> Agent:
    """An agent that checks its answers against its observations, and revises each run's at most so often.

    What the check finds wrong is an observation: the agent may then use tools again, or answer anew. The last
    step's answer isn't checked, nor one that no tokens are left to check.
    """
    before = agent.deciding

    def deciding(decider: Decider) -> Decides:
        return _Critic(decider, before(decider) if before else decider, revisions)

    return replace(agent, deciding=deciding)


@dataclass(frozen=True, slots=True)
class _Critic:
    decider: Decider
    inner: Decides
    revisions: int

    def decide(self, situation: Situation, offering: Offering) -> Decision:
        decision = self.inner.decide(situation, offering)
        acted = decision.acted
        if not acted.is_answer or offering.only_answer or _rejected(situation.steps) >= self.revisions:
            return decision
        draft = acted.value if isinstance(acted.value, str) else as_json(acted.value)
        spent = decision.usage.prompt_tokens + decision.usage.completion_tokens
        try:
            found, usage = self.decider.ask(
                load_prompt("critique"), {"draft": draft}, _PROBLEMS, situation, spent
            )
        except (ContextOverflow, MalformedOutput):
            return decision
        except Stopped as stopped:
            if stopped.reason == "tokens":
                return decision
            raise
        decision = replace(decision, usage=added(decision.usage, usage))
        if not found["problems"]:
            return decision
        told = "\n".join(f"- {problem}" for problem in found["problems"])
        problem = f"{_HEAD}{cut(draft, _DRAFT_CHARS)[0]}\nWhat is wrong with it:\n{told}"
        return replace(decision, acted=Acted(acted.thought, problem=problem))


def _rejected(steps: Sequence[Step]) -> int:
    """How many answers were. What tools say stands in steps with calls."""
    return sum(
        not step.calls and any(observation.text.startswith(_HEAD) for observation in step.observations)
        for step in steps
    )
