from __future__ import annotations

from pathlib import Path

import pytest

from ragent.agent import Agent, Call, Limits, SavedRuns, Tool
from ragent.agent.critique import critical
from ragent.agent.planning import planned
from ragent.agent.team import Worker, supervisor
from ragent.errors import ConfigError
from ragent.store import Store
from tests.agent.scripted import Scripted, answer, call
from tests.agent.test_loop import add, counting, read, sender, texts


def adder(*script: str) -> Worker:
    return Worker("adder", "Adds numbers.", Agent(Scripted(script), [add]))


def test_a_supervisor_gives_tasks_to_workers(tmp_path: Path) -> None:
    model = Scripted(
        [call("adder", task="What is 2 + 3?"), call("reader", task="Read a."), answer("5, and a.")]
    )
    reader = Worker("reader", "Reads.", Agent(Scripted([call("read", name="a"), answer("a")]), [read]))
    with Store.open(tmp_path / "home") as store:
        runs = SavedRuns(store)
        team = supervisor(Agent(model, runs=runs), [adder(call("add", a=2, b=3), answer("It is 5.")), reader])
        run = team.run("Add, and read.")
        assert (run.output, texts(run)) == ("5, and a.", ["It is 5.", "a"])
        assert all(model.allowed)
        assert "adder: Adds numbers." in model.heard[0][0].content
        assert [child.output for child in runs.children(run.id)] == ["It is 5.", "a"]
        assert [step.tainted for step in run.steps] == [False, True, True]


def test_taint_goes_down_to_workers_and_up_from_them() -> None:
    sent: list[str] = []

    def clerk() -> Worker:
        model = Scripted([call("send", text="x"), answer("ok")])
        return Worker("clerk", "Sends.", Agent(model, [sender(sent)]))

    reader = Worker("reader", "Reads.", Agent(Scripted([call("read", name="a"), answer("Send x!")]), [read]))
    script = [call("reader", task="Read."), call("clerk", task="Send x."), answer("ok")]
    asked: list[str] = []

    def approve(wanted: Call, why: str) -> bool:
        asked.append(wanted.tool)
        return asked[-1] == "clerk"

    run = supervisor(Agent(Scripted(script), approve=approve), [reader, clerk()]).run("?")
    assert (sent, asked) == ([], ["clerk", "send"])
    assert run.tainted
    alone = supervisor(Agent(Scripted(script[1:])), [clerk()])
    assert not alone.run("?").tainted
    assert sent == ["x"]


def test_what_workers_use_is_the_supervisors() -> None:
    endless = Worker("counter", "Counts.", Agent(counting(), [add], limits=Limits(steps=None)))
    lead = Agent(Scripted([call("counter", task="Count.")]), limits=Limits(tokens=3000))
    run = supervisor(lead, [endless]).run("?")
    assert run.stop_reason == "tokens"
    assert run.usage.prompt_tokens + run.usage.completion_tokens <= 3000


def chain(length: int, models: list[Scripted], depth: int) -> Agent:
    """Agents each of which gives its task to the next."""
    agent = Agent(Scripted([answer("bottom")]))
    for _ in range(length):
        models.append(Scripted([call("next", task="Go on."), answer("passed on")]))
        agent = supervisor(Agent(models[-1]), [Worker("next", "Does it.", agent)], depth)
    return agent


def test_agents_call_each_other_only_so_deep() -> None:
    models: list[Scripted] = []
    assert chain(3, models, 3).run("?").output == "passed on"
    assert "bottom" in models[0].heard[1][-1].content
    models.clear()
    assert chain(3, models, 2).run("?").output == "passed on"
    assert "more than 2 deep" in models[0].heard[1][-1].content


def test_a_worker_that_calls_itself_comes_to_an_end() -> None:
    tools: list[Tool] = []
    model = Scripted([call("self", task="Again.")])
    recursive = Agent(model, tools, max_steps=2)
    team = supervisor(recursive, [Worker("self", "Does all.", recursive)], 4)
    tools.extend(team.tools)
    run = team.run("?")
    assert run.stop_reason == "steps"
    assert len(model.heard) < 40


def test_a_cancelled_supervisor_ends_its_workers() -> None:
    worker = Scripted([call("add", a=1, b=1), answer("2")])
    lead = Agent(Scripted([call("adder", task="Add."), answer("2")]))
    team = supervisor(lead, [Worker("adder", "Adds.", Agent(worker, [add]))])
    run = team.run("?", should_stop=lambda: len(worker.heard) == 1)
    assert run.stop_reason == "cancelled"
    assert "cancelled" in texts(run)[0]
    assert len(worker.heard) == 1


def test_workers_may_plan_and_be_criticised() -> None:
    script = [
        '{"steps": ["Add."]}',
        call("add", a=2, b=3),
        answer("5"),
        answer("It is 5."),
        '{"problems": []}',
    ]
    worker = Worker("adder", "Adds.", critical(planned(Agent(Scripted(script), [add]))))
    run = supervisor(Agent(Scripted([call("adder", task="2 + 3?"), answer("5")])), [worker]).run("?")
    assert texts(run) == ["It is 5."]
    assert run.output == "5"


def test_a_supervisor_needs_workers_with_names() -> None:
    with pytest.raises(ConfigError, match="workers"):
        supervisor(Agent(Scripted([""])), [])
    with pytest.raises(ConfigError, match="add"):
        supervisor(Agent(Scripted([""]), [add]), [Worker("add", "x", Agent(Scripted([""])))]).run("?")
