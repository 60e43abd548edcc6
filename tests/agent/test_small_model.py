"""The real small model: its form holds, whatever it thinks of the task."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragent import registry
from ragent.agent import Agent
from ragent.config import LLMSettings
from ragent.protocols import LLM
from ragent.types import Sampling
from tests.agent.test_loop import add


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LLM:
    folder: Path = tmp_path_factory.mktemp("models")
    loaded: LLM = registry.load("ragent.llms", "llamacpp")(LLMSettings(n_ctx=1024, threads=1), folder)
    return loaded


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 2])
def test_the_steps_of_a_small_model_are_complete_within_few_tokens(model: LLM, steps: int) -> None:
    sampling = Sampling(max_tokens=40)
    run = Agent(model, [add], max_steps=steps, sampling=sampling).run("What is 2 + 3?")
    assert run.stop_reason == "answer"
    assert isinstance(run.output, str)
    assert all(step.calls or step is run.steps[-1] for step in run.steps)
    assert all(observation.kind == "result" for step in run.steps for observation in step.observations)
