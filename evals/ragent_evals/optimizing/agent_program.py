"""An agent as a program that can be improved: its prompt, the order of its tools, and its steps."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragent.agent import Agent, Limits, Run
from ragent.agent.likeness import likest_first
from ragent.agent.plain import as_json
from ragent.errors import EvalError
from ragent.prompts import Example, PromptTemplate, load_prompt
from ragent.prompts.template import parse_prompt
from ragent.protocols import LLM
from ragent.rag import Rag
from ragent.types import Tool, ToolResult
from ragent_evals.agents.calling import json_schema
from ragent_evals.optimizing.candidate import Candidate, changed
from ragent_evals.optimizing.observing import Quote
from ragent_evals.optimizing.program import Tried
from ragent_evals.optimizing.teaching import example_of, taught
from ragent_evals.outcome import Cost, Outcome
from ragent_evals.running.configuration import configuration, digest
from ragent_evals.running.records import inputs_digest
from ragent_evals.running.texts import Ground
from ragent_evals.sets.case import Case

PROMPT = "react"
_NOTED = "noted"
"""What a function of a set "returns": it can't be run."""


@dataclass(slots=True)
class AgentProgram:
    """An agent with tools for cases that want an answer; for cases of calls, with the functions they offer.

    A case of calls is over with the first step that calls anything: those are its calls, and functions of a
    set can't be run. Nothing of the runs is kept.

    Attributes:
        rag: whose prompt and settings are the start.
        llm: its model.
        tools: what it may use where a case offers no functions of its own.

    Raises:
        EvalError: a tool has side effects.
    """

    rag: Rag
    llm: LLM
    tools: Sequence[Tool] = ()
    _prompts: dict[str, PromptTemplate] = field(default_factory=dict)
    _fixed: str = ""

    def __post_init__(self) -> None:
        if acting := [tool.name for tool in self.tools if tool.side_effects]:
            raise EvalError(
                f"{acting[0]} has side effects, and a search would use it hundreds of times",
                hint="name others: --tools search,calculate",
            )
        # The steps and the order of tools of a candidate are in its own digest.
        model = configuration(Ground(self.rag, ""), ("tools",), 0)
        told = [[tool.name, tool.description, tool.parameters] for tool in self.tools]
        held = [[one.name, one.generation] for one in self.rag.store.collections()]
        agent = self.rag.settings.agent.model_dump()
        self._fixed = digest(
            [model, told, held, agent, self.rag.settings.tools.model_dump(), self.prompt.digest]
        )

    @property
    def prompt(self) -> PromptTemplate:
        """The newest of the home."""
        return load_prompt(PROMPT, self.rag.home / "prompts")

    @property
    def threshold(self) -> float:
        """None: an agent says nothing of how sure it is."""
        return 0.0

    def key(self, candidate: Candidate, case: Case) -> str:
        """A digest of model, prompt, tools, documents and task."""
        said = f"agent {self._fixed}{candidate.digest}{inputs_digest(case)}"
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def run(self, candidate: Candidate, case: Case) -> Tried:
        """Do the task. A run that ends without an answer, or without calls where those are wanted, failed."""
        began = time.process_time()
        run = self._run(candidate, case)
        cost = Cost(time.process_time() - began, None, run.usage.prompt_tokens, run.usage.completion_tokens)
        calls = tuple(
            {"name": one.tool, "arguments": one.arguments} for step in run.steps for one in step.calls
        )
        if run.stop_reason == "answer" or (case.kind == "tools" and calls):
            text = run.output if isinstance(run.output, str) else as_json(run.output)
            return Tried(Outcome(case.id, text, calls=calls, cost=cost))
        return Tried(Outcome(case.id, calls=calls, cost=cost, error=f"{run.stop_reason}: {run.note}"))

    def example(self, case: Case, quote: Quote | None) -> Example | None:
        """How the task was done: done once more, since no run is kept."""
        return example_of(self._run(Candidate(), case))

    def _run(self, candidate: Candidate, case: Case) -> Run:
        settings = changed(self.rag.settings, candidate.settings)
        called: list[str] = []
        tools = [_noting(function, called) for function in case.functions] or list(self.tools)
        agent = Agent(
            self.llm,
            likest_first(case.question, tools) if settings.agent.likest_first else tools,
            limits=Limits(steps=settings.agent.max_steps),
            prompt=self._prompt(candidate),
            sampling=settings.llm.sampling,
        )
        return agent.run(case.question, should_stop=lambda: bool(called))

    def _prompt(self, candidate: Candidate) -> PromptTemplate:
        if candidate.digest not in self._prompts:
            now = self.prompt
            text = now.text[: len(now.text) - len(now.body)] + taught(now, candidate)
            self._prompts[candidate.digest] = parse_prompt(now.name, text, is_own=now.is_own)
        return self._prompts[candidate.digest]


def _noting(function: Mapping[str, Any], called: list[str]) -> Tool:
    """A function of a set as a tool that only notes that it was called."""

    def run(arguments: Mapping[str, Any]) -> ToolResult:
        called.append(function["name"])
        return ToolResult(_NOTED)

    return Tool(function["name"], function["description"], json_schema(function["parameters"]), run)
