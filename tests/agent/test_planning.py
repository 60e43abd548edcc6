from __future__ import annotations

import json
from pathlib import Path

from ragent.agent import Agent, Limits, SavedRuns
from ragent.agent.critique import critical
from ragent.agent.planning import planned
from ragent.errors import ServerError
from ragent.store import Store
from tests.agent.scripted import Scripted, answer, call
from tests.agent.test_loop import Fare, add, counting, read, sender, texts


def plan(*steps: str) -> str:
    return json.dumps({"steps": steps})


FIRST = [
    plan("Add 2 and 3.", "Add 4 to that."),
    call("add", a=2, b=3),
    answer("It is 5."),
    call("add", a=5, b=4),
    answer("It is 9."),
    answer("9"),
]


def test_a_plan_is_made_and_each_step_of_it_done() -> None:
    model = Scripted(FIRST)
    run = planned(Agent(model, [add])).run("What is 2 + 3 + 4?")
    assert (run.output, run.stop_reason) == ("9", "answer")
    assert [call.tool for step in run.steps for call in step.calls] == ["plan", "do_step", "do_step"]
    assert texts(run) == ["2 steps planned", "It is 5.", "It is 9."]
    assert all(model.allowed)
    assert len(model.allowed) == len(FIRST)
    assert "add: Add two numbers." in model.heard[0][0].content
    assert "Add 2 and 3.: It is 5." in model.heard[3][-1].content  # the second step knows of the first
    assert "It is 9." in model.heard[5][-1].content
    assert run.usage.completion_tokens == sum(len(str(said).split()) for said in FIRST)


def test_a_step_that_fails_has_the_rest_planned_anew_once() -> None:
    script = [
        plan("Look.", "Try.", "Go on."),
        answer("seen"),
        ServerError("the model is gone"),
        plan("Another way."),
        answer("done"),
        answer("ok"),
    ]
    model = Scripted(script)
    run = planned(Agent(model, [add], max_steps=20)).run("?")
    tools = [call.tool for step in run.steps for call in step.calls]
    assert tools == ["plan", "do_step", "do_step", "plan", "do_step"]
    assert [step.calls[0].arguments["steps"] for step in run.steps[1:3]] == [5, 5]
    assert texts(run)[2] == "Error: no result (error): the model is gone"
    assert run.output == "ok"
    again = model.heard[3][-1].content
    assert "The last step failed." in again
    assert "the model is gone" in again
    assert "Look.: seen" in model.heard[4][-1].content


def test_after_the_last_plan_failed_the_answer_is_made_of_what_is_known() -> None:
    script = [plan("a"), ServerError("x"), plan("b"), ServerError("y"), answer("I can't.")]
    run = planned(Agent(Scripted(script), [add])).run("?")
    assert run.output == "I can't."
    assert [o.kind for step in run.steps for o in step.observations] == ["result", "error", "result", "error"]


def test_steps_are_limited_together() -> None:
    for limit in (1, 2, 4, 7, 12):
        model = counting_after(plan("a", "b", "c", "d", "e", "f"))
        run = planned(Agent(model, [add], max_steps=limit)).run("?")
        assert run.stop_reason == "answer", (limit, run.note)
        assert len(model.heard) <= max(limit, 2)


def counting_after(first: str) -> Scripted:
    """Plans, then does something new in each step until it has to answer."""
    numbers = iter(range(10_000))

    def say(messages: object) -> str:
        number = next(numbers)
        text = str(messages)
        if "Write a JSON object" in text:
            return json.dumps({"steps": json.loads(first)["steps"][: int(text.split(" steps, each")[0][-1])]})
        return answer("x") if "This is the last step" in text else call("add", a=number, b=1)

    return Scripted([say])


def test_tokens_are_limited_together() -> None:
    model = counting_after(plan("a", "b"))
    run = planned(Agent(model, [add], limits=Limits(steps=None, tokens=4000))).run("?")
    assert run.stop_reason == "tokens"
    assert run.usage.prompt_tokens + run.usage.completion_tokens <= 4000


def test_taint_goes_from_step_to_step_and_approval_is_asked_within() -> None:
    sent: list[str] = []
    script = [
        plan("Send a.", "Read.", "Send b."),
        call("send", text="a"),
        answer("sent"),
        call("read", name="x"),
        answer("It says: send b!"),
        call("send", text="b"),
        answer("not sent"),
        answer("ok"),
    ]
    run = planned(Agent(Scripted(script), [read, sender(sent)])).run("?")
    assert (sent, run.output, run.tainted) == (["a"], "ok", True)
    assert [step.tainted for step in run.steps] == [False, False, True, True, True]
    asked = []
    agent = Agent(
        Scripted(script), [read, sender(sent)], approve=lambda one, _: asked.append(one.tool) is None
    )
    planned(agent).run("?")
    assert (sent, asked) == (["a", "a", "b"], ["send"])


def test_a_planned_run_is_cancelled_as_a_whole() -> None:
    model = Scripted(FIRST)
    run = planned(Agent(model, [add])).run("?", should_stop=lambda: len(model.heard) >= 2)
    assert run.stop_reason == "cancelled"
    assert len(model.heard) == 2


def test_a_planned_run_is_resumed_at_the_step_where_it_stopped(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        runs = SavedRuns(store)
        seen: list[object] = []
        first = planned(Agent(Scripted(FIRST), [add], runs=runs)).run(
            "?", should_stop=lambda: len(seen) == 2, on_step=seen.append
        )
        assert (first.stop_reason, len(first.steps)) == ("cancelled", 2)
        model = Scripted(FIRST[3:])
        done = planned(Agent(model, [add], runs=runs)).resume(first.id)
        assert (done.output, len(model.heard)) == ("9", 3)
        assert texts(done) == ["2 steps planned", "It is 5.", "It is 9."]
        assert [child.output for child in runs.children(first.id)] == ["It is 5.", "It is 9."]


def test_the_answer_of_a_plan_has_its_form_and_can_be_criticised() -> None:
    script = [
        plan("Look."),
        answer("4 euros"),
        answer({"euros": 5, "why": "x"}),
        json.dumps({"problems": ["It is 4."]}),
        answer({"euros": 4, "why": "x"}),
        json.dumps({"problems": []}),
    ]
    model = Scripted(script)
    run = critical(planned(Agent(model, answer=Fare))).run("?")
    assert run.output == Fare(euros=4, why="x")
    assert all(model.allowed)


def test_a_model_that_can_not_plan_ends_the_run_with_a_reason() -> None:
    run = planned(Agent(counting(), [add])).run("?")
    assert run.stop_reason == "error"
    assert "plan" in run.note


def test_a_step_within_which_it_was_cancelled_is_done_again(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        runs = SavedRuns(store)
        model = Scripted(FIRST)
        first = planned(Agent(model, [add], runs=runs)).run("?", should_stop=lambda: len(model.heard) == 2)
        assert first.steps[-1].observations[0].text.startswith("Error: no result (cancelled)")
        done = planned(Agent(Scripted(FIRST[1:]), [add], runs=runs)).resume(first.id)
        assert done.output == "9"
        assert [call.tool for step in done.steps for call in step.calls] == ["plan", *["do_step"] * 3]
