"""All of it: from a set and the settings in force to the best that was found, checked."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from ragent.agent import ToolContext, open_tools
from ragent.errors import EvalError
from ragent.rag import Rag
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.opening import open_metrics
from ragent_evals.optimizing.agent_program import AgentProgram
from ragent_evals.optimizing.budget import Budget
from ragent_evals.optimizing.candidate import Candidate
from ragent_evals.optimizing.journal import Journal
from ragent_evals.optimizing.optimize import Optimized, Search
from ragent_evals.optimizing.program import RagProgram
from ragent_evals.optimizing.proposing import (
    AGENT_NAMES,
    DEFAULT,
    EXAMPLES,
    INSTRUCTION,
    THRESHOLD,
    WRITING,
    by_model,
    check_names,
    in_turn,
    instructions,
    numbers,
    numbers_of_agents,
)
from ragent_evals.optimizing.teaching import ADVICE
from ragent_evals.optimizing.wording import instruction_of
from ragent_evals.optimizing.writing import About
from ragent_evals.running.texts import Ground, prepared
from ragent_evals.sets.case import EvalSet

JOURNAL = Path("runs") / "optimize.jsonl"
_EXAMPLES_SHARE = 0.1
_SHOWN = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What to improve, by what, and how long.

    Attributes:
        budget: for all of it.
        metric: a metric of cases, by name.
        tune: what may be changed, of `proposing.NAMES`.
        words: judge the words that an answer points at, where it points at any.
        variants: how many instructions the model proposes.
        examples: how many answered questions are gathered as examples, at most.
        on_ask: told of each ask.
    """

    budget: Budget
    metric: str = "f1"
    tune: tuple[str, ...] = DEFAULT
    words: bool = False
    variants: int = 3
    examples: int = 8
    on_ask: Callable[[Budget], None] = lambda budget: None


def improve(rag: Rag, train: EvalSet, test: EvalSet, plan: Plan) -> tuple[Optimized, About]:
    """Search for a better way to set up `ask`, and check it. Nothing is written but the journal of asks.

    Args:
        rag: the home, and the settings to start from.
        train: the cases to choose by.
        test: the cases to check on, of the same texts.
        plan: what may be tried.

    Raises:
        EvalError: something can't be tuned or measured, or the budget is too small.
        RagentError: a model or documents aren't there.
    """
    check_names(plan.tune)
    _check_apart(train, test)
    metric = _metric(rag, train, plan.metric)
    with (
        tempfile.TemporaryDirectory() as scratch,
        RagProgram(rag, train, Path(scratch), plan.words) as program,
        Journal(rag.home / JOURNAL) as journal,
    ):
        search = Search(program, metric, journal, THRESHOLD in plan.tune, plan.on_ask)
        candidates = _candidates(rag, program, search, train, plan)
        found = search.run(candidates, train.cases, test.cases, plan.budget)
        name = rag.settings.ask.prompt.partition("@")[0]
        return found, About(train.name, train.version, plan.metric, program.prompt, program.style, name)


def improve_agent(
    rag: Rag, train: EvalSet, test: EvalSet, plan: Plan, tools: Sequence[str]
) -> tuple[Optimized, About]:
    """The same for an agent that does the cases as tasks, or makes the calls that they ask for.

    Args:
        rag: the home, and the settings to start from.
        train: the cases to choose by.
        test: the cases to check on.
        plan: what may be tried, of `proposing.AGENT_NAMES`.
        tools: the names of the tools it has, where cases offer no functions of their own. Those that read
            documents read the texts of the set, if it brings any.

    Raises as `improve` does, EvalError also for a tool with side effects, ConfigError for one there isn't.
    """
    check_names(plan.tune, AGENT_NAMES)
    _check_apart(train, test)
    metric = _metric(rag, train, plan.metric)
    with (
        prepared(rag, train) if train.texts else nullcontext(Ground(rag, "")) as ground,
        Journal(rag.home / JOURNAL) as journal,
    ):
        offered = any(case.functions for case in train.cases)
        own = [] if offered else open_tools(tools, ToolContext.of(ground.rag))
        program = AgentProgram(ground.rag, rag.llm, own)
        search = Search(program, metric, journal, tunes_threshold=False, on_ask=plan.on_ask)
        candidates = list(numbers_of_agents(rag.settings, plan.tune))
        if EXAMPLES in plan.tune:
            part = plan.budget.part(_EXAMPLES_SHARE)
            shown = search.examples(train.cases, _SHOWN, part)
            plan.budget.take(part)
            candidates += [Candidate(examples=tuple(shown))] if shown else []
        if INSTRUCTION in plan.tune:
            candidates += [Candidate(instruction=text) for text in ADVICE]
        found = search.run(in_turn(candidates), train.cases, test.cases, plan.budget)
        return found, About(train.name, train.version, plan.metric, program.prompt, "", "")


def _check_apart(train: EvalSet, test: EvalSet) -> None:
    if shared := {case.id for case in train.cases} & {case.id for case in test.cases}:
        raise EvalError(f"{len(shared)} cases are in both splits", hint="name two splits that differ")


def _candidates(rag: Rag, program: RagProgram, search: Search, train: EvalSet, plan: Plan) -> list[Candidate]:
    style = program.style
    found = list(numbers(rag.settings, style, plan.tune))
    if EXAMPLES in plan.tune:
        part = plan.budget.part(_EXAMPLES_SHARE)
        shown = search.examples(train.cases, plan.examples, part)
        plan.budget.take(part)
        settings = {"ask.examples": min(_SHOWN, len(shown))}
        how = settings if style in WRITING else {**settings, "ask.style": "draft"}
        found += [Candidate(how, examples=tuple(shown))] if shown else []
    if INSTRUCTION in plan.tune and style != "extract":
        now = instruction_of(program.prompt)
        key = f"variants-{program.prompt.digest}-{rag.settings.llm.model}-{plan.variants}"
        said = search.journal.said(key, lambda: by_model(rag.llm, now, plan.variants))
        found += instructions(now, said)
    return in_turn(found)


def _metric(rag: Rag, of: EvalSet, name: str) -> Metric:
    metric = open_metrics([name], MetricContext(of.texts, lambda: rag.embedder, lambda: rag.llm))[0]
    if not isinstance(metric, Metric):
        raise EvalError(
            f"{name} is a figure of a whole set, and can't be improved case by case",
            hint="f1, exact_match or abstention_accuracy, say",
        )
    return metric
