"""Has an agent do the tasks of a set of tables, and judges what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ragent.agent import Agent, Limits, Run
from ragent.agent.policy import never_ask
from ragent.protocols import LLM
from ragent.types import Sampling
from ragent_evals.agents.tables import TableCase, fingerprint, is_right_answer, open_table, sql_tool
from ragent_evals.estimates import Estimate, estimates

METRICS = ("ended", "right")
LIMITS = Limits(steps=8, tokens=30_000, seconds=120)
_STEP_TOKENS = 192
_INSTRUCTIONS = (
    "Answer the question from the table, or change the table as you are asked to, with SQL. "
    "The answer is the list of the values asked for; after a change, an empty list."
)


@dataclass(frozen=True, slots=True)
class Done:
    """What an agent made of a case.

    Attributes:
        id: of the case.
        stop_reason: why its run ended.
        ended: whether that was within its limits.
        right: whether the answer, or the changed table, is the expected one.
        output: the answer.
        statements: the SQL that it ran.
        seconds: that it took.
    """

    id: str
    stop_reason: str
    ended: bool
    right: bool
    output: Any
    statements: tuple[str, ...]
    seconds: float


def run_tables(
    llm: LLM,
    cases: Sequence[TableCase],
    on_progress: Callable[[int], None] = lambda done: None,
    limits: Limits = LIMITS,
) -> Iterator[Done]:
    """Have an agent do each task, with the tool `sql` over a copy of the table, which is thrown away.

    Raises:
        EvalError: a table can't be made.
    """
    for done, case in enumerate(cases, 1):
        yield _done(llm, case, limits)
        on_progress(done)


def summarize(done: Sequence[Done]) -> dict[str, Estimate]:
    """The share of cases for which each of `METRICS` holds."""
    return estimates(METRICS, np.array([[each.ended, each.right] for each in done], np.float64))


def stop_reasons(done: Sequence[Done]) -> dict[str, int]:
    """How many runs ended for each reason, the most frequent first."""
    return dict(Counter(each.stop_reason for each in done).most_common())


def _done(llm: LLM, case: TableCase, limits: Limits) -> Done:
    database = open_table(case.table)
    agent = Agent(
        llm,
        [sql_tool(database, case.table)],
        limits=limits,
        # What the table is changed to harms nobody: it is a copy.
        policy=never_ask,
        answer=list[str],
        instructions=_INSTRUCTIONS,
        sampling=Sampling(max_tokens=_STEP_TOKENS),
    )
    run = agent.run(case.task)
    if case.fingerprint:
        right = fingerprint(database, case.table) == case.fingerprint
    else:
        right = run.stop_reason == "answer" and is_right_answer(run.output, case.answers)
    statements = tuple(str(call.arguments["statement"]) for step in run.steps for call in step.calls)
    database.close()
    stop = str(run.stop_reason)
    return Done(case.id, stop, _is_within(run, limits), right, run.output, statements, round(run.seconds, 3))


def _is_within(run: Run, limits: Limits) -> bool:
    """Whether a run ended, and kept to its limits."""
    tokens = run.usage.prompt_tokens + run.usage.completion_tokens
    return (
        run.stop_reason not in (None, "error")
        and (limits.steps is None or len(run.steps) <= limits.steps)
        and (limits.tokens is None or tokens <= limits.tokens)
        and (limits.seconds is None or run.seconds <= limits.seconds)
    )
