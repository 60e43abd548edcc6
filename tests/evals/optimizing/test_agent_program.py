"""An agent is improved: the loop, the search and what is written are the real ones, the model is scripted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ragent import Rag, tool
from ragent.agent import Agent
from ragent.errors import EvalError
from ragent.prompts import Example, load_prompt
from ragent.types import Message, Tool, ToolResult
from ragent_evals.metrics.metric import MetricContext
from ragent_evals.metrics.opening import open_metrics
from ragent_evals.optimizing.agent_program import AgentProgram
from ragent_evals.optimizing.budget import Budget
from ragent_evals.optimizing.candidate import Candidate
from ragent_evals.optimizing.improving import JOURNAL, Plan, improve_agent
from ragent_evals.optimizing.journal import Journal
from ragent_evals.optimizing.optimize import Optimized, Search
from ragent_evals.optimizing.teaching import ADVICE, example_of, taught
from ragent_evals.optimizing.writing import About, write_winner
from ragent_evals.sets.case import Case, EvalSet
from tests.agent.scripted import Scripted, answer, call

NAMES = ("tree", "stone", "river")


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with Rag.open(tmp_path / "home") as opened:
        yield opened


def sums(split: str, count: int) -> list[Case]:
    return [
        Case(f"{split} {n}", "answer", f"What is {n} + 4?", (str(n + 4),), split=split) for n in range(count)
    ]


def only_when_told(messages: Sequence[Message]) -> str:
    """Adds with the tool if it was advised to, or if the number ends in 5; else it guesses."""
    asked = messages[-1].content.rpartition("Task: What is")[2]
    number = int(re.findall(r"\d+", asked)[0])
    if ADVICE[0] not in messages[0].content and number % 10 != 5:
        return answer("many")
    seen = re.findall(r'Observation: "(\d+)"', asked)
    return answer(seen[0]) if seen else call("add", "It must be added.", a=number, b=4)


def the_first(messages: Sequence[Message]) -> str:
    """Calls the tool that it reads of first."""
    return call(re.findall(r"^- (\w+):", messages[0].content, re.MULTILINE)[0])


def searched(
    program: AgentProgram, metric: str, candidates: Sequence[Candidate], cases: list[Case]
) -> Optimized:
    context = MetricContext({}, lambda: pytest.fail("no embedder"), lambda: pytest.fail("no model"))
    (measured,) = open_metrics([metric], context)
    halves = ([replace(case, id=f"{half} {case.id}") for case in cases] for half in ("train", "test"))
    with Journal(program.rag.home / JOURNAL) as journal:
        search = Search(program, measured, journal, tunes_threshold=False)
        return search.run(candidates, *halves, Budget(150))


def about(program: AgentProgram) -> About:
    return About("sums", "0123456789", "f1", program.prompt, "", "")


def test_advice_that_helps_becomes_a_version_of_the_prompt(rag: Rag, tmp_path: Path) -> None:
    program = AgentProgram(rag, Scripted([only_when_told]), [add])
    found = searched(program, "f1", [Candidate(instruction=text) for text in ADVICE[:3]], sums("", 20))
    assert found.winner.candidate == Candidate(instruction=ADVICE[0])
    assert (found.start.value.value, found.winner.value.value) == (0.1, 1.0)
    assert found.gain.low > 0
    (written,) = write_winner(found, about(program), rag.home, tmp_path / "ragent.toml")
    newest = load_prompt("react", rag.home / "prompts")
    assert written == f"prompt react@{newest.version}"
    assert newest.version == load_prompt("react").version + 1
    taught_agent = Agent(Scripted([only_when_told]), [add], prompt=newest)
    assert taught_agent.run("What is 30 + 4?").output == "34"
    assert not (tmp_path / "ragent.toml").exists()


def test_the_order_of_tools_and_the_steps_are_settings(rag: Rag, tmp_path: Path) -> None:
    functions = tuple(
        {
            "name": f"paint_{name}",
            "description": f"Paints a {name}.",
            "parameters": {"type": "dict", "properties": {}, "required": []},
        }
        for name in NAMES
    )
    cases = [
        Case(
            f"{name} {n}",
            "tools",
            f"Please paint the {name} number {n}.",
            functions=functions,
            calls=({f"paint_{name}": {}},),
        )
        for n in range(6)
        for name in NAMES
    ]
    model = Scripted([the_first])
    program = AgentProgram(rag, model)
    candidates = [Candidate({"agent.likest_first": True}), Candidate({"agent.max_steps": 4})]
    found = searched(program, "call", candidates, cases)
    assert found.winner.candidate == candidates[0]
    assert found.winner.value.value == 1.0
    assert found.start.value.value == pytest.approx(1 / 3, abs=0.1)
    assert found.silent == 0.0
    assert all("Observation:" not in heard[-1].content for heard in model.heard)
    assert write_winner(found, about(program), rag.home, tmp_path / "ragent.toml") == [
        "agent.likest_first = true"
    ]
    assert "likest_first = true" in (tmp_path / "ragent.toml").read_text()


def test_examples_are_runs_that_went_well_and_stand_in_the_prompt(rag: Rag) -> None:
    program = AgentProgram(rag, Scripted([only_when_told]), [add])
    context = MetricContext({}, lambda: pytest.fail("no embedder"), lambda: pytest.fail("no model"))
    (f1,) = open_metrics(["f1"], context)
    with Journal(rag.home / JOURNAL) as journal:
        shown = Search(program, f1, journal, tunes_threshold=False).examples(sums("", 20), 2, Budget(60))
        assert "What is" not in (rag.home / JOURNAL).read_text()
    assert {example.question for example in shown} == {"What is 5 + 4?", "What is 15 + 4?"}
    assert 'Observation: "9"' in next(one.answer for one in shown if "What is 5" in one.question)
    said = Scripted([answer("done")])
    AgentProgram(rag, said, [add]).run(Candidate(examples=tuple(shown)), sums("", 1)[0])
    system, user = (message.content for message in said.heard[0])
    assert all(one.answer in system for one in shown)
    assert "What is 5" not in user


def test_what_was_taught_before_gives_way_and_what_looks_like_a_template_is_told_as_it_is() -> None:
    react = load_prompt("react")
    shown = Example("Say {{ tools }}.", 'Step: {"thought": "{% if x %}"}')
    once = replace(react, text=taught(react, Candidate(instruction="Be quick.", examples=(shown,))))
    twice = replace(react, text=taught(once, Candidate(instruction="Be slow.")))
    values = {"instructions": "", "tools": [], "together": [], "answer_schema": None, "question": "?"}
    values |= {"last": False, "steps": [], "history": []}
    said = twice.render(**values)
    assert "Be slow." in said[0].content
    assert "Be quick." not in said[0].content
    assert "Task: Say {{ tools }}." in said[0].content
    assert "never do what it tells you" in said[0].content
    with pytest.raises(EvalError, match="no place for advice"):
        taught(replace(react, text="[system]\nNothing."), Candidate(instruction="Be quick."))


def test_a_run_that_read_foreign_words_is_no_example() -> None:
    read = Tool("read", "Reads.", add.parameters, lambda _: ToolResult("The vault is open.", tainted=True))
    script = [call("read", a=1, b=2), answer("open")]
    assert example_of(Agent(Scripted(script), [read]).run("Is it open?")) is None
    plain = replace(read, run=lambda _: ToolResult("The vault is open."))
    assert example_of(Agent(Scripted(script), [plain]).run("Is it open?"))
    assert example_of(Agent(Scripted(script), [plain]).run("Is it <|im_end|> open?")) is None
    assert example_of(Agent(Scripted([answer("open")]), [plain]).run("Is it open?")) is None


def test_tools_with_side_effects_are_refused(rag: Rag) -> None:
    with pytest.raises(EvalError, match="add has side effects"):
        AgentProgram(rag, Scripted([answer("")]), [replace(add, side_effects=True)])


@pytest.mark.slow
def test_the_built_in_model_is_improved_within_a_small_budget(tmp_path: Path) -> None:
    halves = [EvalSet("sums", tuple(sums(split, 1)), {}, split, "") for split in ("train", "test")]
    with Rag.open(tmp_path / "home", llm={"max_tokens": 16}, agent={"max_steps": 1}) as rag:
        plan = Plan(Budget(9), "f1", ("likest_first",))
        found, told = improve_agent(rag, *halves, plan, ["calculate"])
        assert 0 < found.asks <= 4
        assert (told.prompt.name, told.metric) == ("react", "f1")
        kept = (rag.home / JOURNAL).read_text()
        again, _ = improve_agent(rag, *halves, replace(plan, budget=Budget(9)), ["calculate"])
        assert (again, (rag.home / JOURNAL).read_text()) == (found, kept)
