"""Models that write anything, tools that do anything: every run ends within its limits, and says why."""

from __future__ import annotations

import random

import pytest

from evals.benchmarks.agents import REASONS, STEPS, Adversary, bad_tools, run_badly
from ragent.agent import Agent, Limits


@pytest.mark.parametrize("seed", range(60))
def test_a_run_ends_within_its_limits_and_without_an_exception(seed: int) -> None:
    ended = run_badly(random.Random(seed))
    assert ended.reason in REASONS
    assert (ended.raised, ended.beyond) == ("", "")


@pytest.mark.parametrize("habit", STEPS)
def test_whatever_a_model_does_again_and_again(habit: str) -> None:
    chance = random.Random(1)
    limits = Limits(steps=5, tokens=100_000)
    run = Agent(Adversary(chance, [habit]), bad_tools(chance), limits=limits).run("What is 2 + 3?")
    assert run.stop_reason in REASONS
    assert run.stop_reason == "answer" or run.note
    assert len(run.steps) <= 5
