from __future__ import annotations

import json

from ragent.agent import Agent, Limits
from ragent.agent.critique import critical
from tests.agent.scripted import Scripted, answer, call
from tests.agent.test_loop import Fare, add, read, sender, texts


def found(*problems: str) -> str:
    return json.dumps({"problems": problems})


def test_an_answer_is_revised_until_nothing_is_wrong() -> None:
    script = [
        call("add", a=2, b=3),
        answer("It is 6."),
        found("2 + 3 is 5, not 6."),
        answer("It is 5."),
        found(),
    ]
    model = Scripted(script)
    run = critical(Agent(model, [add])).run("What is 2 + 3?")
    assert (run.output, run.stop_reason, len(run.steps)) == ("It is 5.", "answer", 3)
    assert all(model.allowed)
    assert len(model.allowed) == 5
    critique, revision = model.heard[2][-1].content, model.heard[3][-1].content
    assert 'Observation: "5"' in critique
    assert "Answer: It is 6." in critique
    assert "2 + 3 is 5, not 6." in revision
    assert run.usage.completion_tokens == sum(len(str(said).split()) for said in script)


def test_tools_may_be_used_again_after_a_critique() -> None:
    model = Scripted([answer("5"), found("Nothing was added."), call("add", a=2, b=3), answer("5"), found()])
    run = critical(Agent(model, [add])).run("What is 2 + 3?")
    assert [step.calls != () for step in run.steps] == [False, True, False]
    assert run.output == "5"


def test_there_are_no_more_revisions_than_allowed() -> None:
    model = Scripted([answer("a"), found("No."), answer("b"), found("Never."), answer("c")])
    run = critical(Agent(model), 2).run("?")
    assert (run.output, len(model.heard)) == ("c", 5)
    once = critical(Agent(Scripted([answer("a"), found("No."), answer("b")])), 1).run("?")
    assert once.output == "b"


def test_the_last_step_is_not_checked_nor_what_there_are_no_tokens_for() -> None:
    last = Scripted([answer("a")])
    assert critical(Agent(last, max_steps=1)).run("?").output == "a"
    assert len(last.heard) == 1
    first = Agent(Scripted([answer("a")])).run("?").usage
    poor = Scripted([answer("a")])
    tokens = first.prompt_tokens + first.completion_tokens + 40
    run = critical(Agent(poor, limits=Limits(tokens=tokens))).run("?")
    assert (run.output, len(poor.heard)) == ("a", 1)


def test_a_critique_without_its_form_changes_nothing() -> None:
    run = critical(Agent(Scripted([answer("a"), '{"problems": "none"}']))).run("?")
    assert run.output == "a"


def test_a_form_is_kept_and_taint_holds() -> None:
    sent: list[str] = []
    script = [
        call("read", name="x"),
        answer({"euros": 4, "why": "x"}),
        found("Send it first."),
        call("send", text="x"),
        answer({"euros": 5, "why": "x"}),
        found(),
    ]
    run = critical(Agent(Scripted(script), [read, sender(sent)], answer=Fare)).run("?")
    assert run.output == Fare(euros=5, why="x")
    assert sent == []
    assert run.steps[2].observations[0].kind == "refused"
    assert all(step.tainted for step in run.steps)


def test_it_can_be_cancelled_while_it_criticises() -> None:
    model = Scripted([answer("a"), found("No.")])
    run = critical(Agent(model)).run("?", should_stop=lambda: len(model.heard) == 1)
    assert (run.stop_reason, run.output) == ("cancelled", None)
    assert "not accepted" not in str(texts(run))
