"""Agents on behalf of people: steps, tools by role, and calls that wait for a word."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ragent.agent import Call, SavedRuns, Step
from ragent.config import load_settings
from ragent.errors import NotThere
from ragent.service import Caller, Service, Session
from ragent.service.agents import Task
from ragent.service.approvals import Approvals
from ragent.service.conversations import Turn
from tests.agent.served import ModelServer, model_server, text, wishes
from tests.service.conftest import bring_in
from tests.serving import Answer

Opens = Callable[..., tuple[Service, ModelServer]]
REMEMBER = ("remember", '{"fact": "Ada likes tea."}')


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Opens]:
    """Opens a home whose model says what a test has written down."""
    with ExitStack() as closing:

        def open_(*turns: Answer, enabled: tuple[str, ...], **server: object) -> tuple[Service, ModelServer]:
            model = closing.enter_context(model_server(*turns))
            settings = load_settings(
                None,
                server={"sign_in": "password", **server},
                ingest={"readers": 1},
                llm={"url": model.url},
                tools={"enabled": enabled},
            )
            service = Service.open(tmp_path / "home", settings)
            closing.callback(service.close)
            return service, model

        yield open_


def as_(service: Service, name: str, role: str) -> Session:
    return service.session(Caller(name, role))  # type: ignore[arg-type]


def worked(session: Session, approvals: Approvals, stop: threading.Event | None = None) -> list[Step | Turn]:
    talk = session.conversations.new("default")
    parts = session.agents.work(talk, Task("What do you know?"), approvals, stop or threading.Event())
    return list(parts)


def answering(approvals: Approvals, *, agrees: bool) -> threading.Thread:
    """Gives its word on the first call that waits for one."""

    def give() -> None:
        while (question := approvals.question) is None:
            threading.Event().wait(0.01)
        approvals.settle(question.id, agrees=agrees)

    thread = threading.Thread(target=give, daemon=True)
    thread.start()
    return thread


def test_steps_come_as_they_are_done_and_the_run_is_kept(opens: Opens) -> None:
    turns = (
        wishes(("search", '{"query": "crane"}')),
        wishes(("calculate", '{"expression": "40*2"}')),
        text("80"),
    )
    service, _ = opens(*turns, enabled=("search", "calculate"))
    ed = as_(service, "ed", "editor")
    document = bring_in(ed, "default", "crane.txt", "The crane at the north quay lifts 40 tonnes.")
    *steps, turn = worked(ed, Approvals(60))
    assert [step.calls[0].tool for step in steps if isinstance(step, Step) and step.calls] == [
        "search",
        "calculate",
    ]
    assert isinstance(turn, Turn)
    assert (turn.content, turn.state) == ("80", "done")
    run = turn.details["run"]
    assert "40 tonnes" in run["steps"][0]["observations"][0]["text"]
    assert SavedRuns(service.store).load(run["id"]).stop_reason == "answer"
    ed.documents.forget(document)
    (talk,) = ed.conversations.all()
    assert {each.state for each in ed.conversations.turns(talk.id)} == {"forgotten"}


@pytest.mark.parametrize("agrees", [True, False])
def test_a_call_with_side_effects_waits_for_a_word(opens: Opens, agrees: bool) -> None:
    service, _ = opens(wishes(REMEMBER), text("ok"), enabled=("remember",))
    approvals = Approvals(60)
    thread = answering(approvals, agrees=agrees)
    step, *_, turn = worked(as_(service, "ed", "editor"), approvals)
    thread.join(10)
    assert isinstance(step, Step)
    assert step.observations[0].kind == ("result" if agrees else "refused")
    assert isinstance(turn, Turn)
    assert turn.state == "done"
    assert (service.store.find_collection("memory") is not None) is agrees


def test_nobody_there_is_a_refusal(opens: Opens) -> None:
    service, _ = opens(wishes(REMEMBER), text("ok"), enabled=("remember",))
    step, *_ = worked(as_(service, "ed", "editor"), Approvals(0.1))
    assert isinstance(step, Step)
    assert step.observations[0].kind == "refused"


def test_stopping_ends_a_run_that_waits(opens: Opens) -> None:
    service, _ = opens(wishes(REMEMBER), text("ok"), enabled=("remember",))
    approvals, stop = Approvals(600), threading.Event()

    def give_up() -> None:
        while approvals.question is None:
            threading.Event().wait(0.01)
        stop.set()

    threading.Thread(target=give_up, daemon=True).start()
    *_, turn = worked(as_(service, "ed", "editor"), approvals, stop)
    assert isinstance(turn, Turn)
    assert turn.state == "stopped"
    assert service.store.find_collection("memory") is None


def test_whoever_waits_for_a_word_keeps_nobody_waiting(opens: Opens) -> None:
    service, _ = opens(wishes(REMEMBER), text("ok"), enabled=("remember",), answers_at_once=1)
    approvals = Approvals(60)
    taken = []

    def pass_by() -> None:
        while (question := approvals.question) is None:
            threading.Event().wait(0.01)
        with service.turnstile.turn("rita", lambda: False):
            taken.append(True)
        approvals.settle(question.id, agrees=True)

    thread = threading.Thread(target=pass_by, daemon=True)
    thread.start()
    worked(as_(service, "ed", "editor"), approvals)
    thread.join(10)
    assert taken == [True]


def test_what_tools_may_reach_depends_on_the_role(opens: Opens) -> None:
    enabled = (
        "search",
        "calculate",
        "python",
        "sql",
        "read_file",
        "mcp:desk",
        "recall",
        "remember",
        "somebodys",
    )
    service, _ = opens(text("ok"), enabled=enabled, tools_for_all=("sql",))
    ada, ed, rita = as_(service, "ada", "admin"), as_(service, "ed", "editor"), as_(service, "rita", "reader")
    assert ada.agents.tools("default") == list(enabled)
    assert ed.agents.tools("default") == ["search", "calculate", "sql", "recall", "remember"]
    assert rita.agents.tools("default") == ["search", "calculate", "sql", "recall"]
    bound = service.session(Caller("ada", "admin", frozenset({"default"})))
    assert bound.agents.tools("default") == ["search", "calculate", "sql"]
    ed.claim("private")
    with pytest.raises(NotThere):
        rita.agents.tools("private")


def test_a_reader_is_offered_nothing_with_side_effects(opens: Opens) -> None:
    service, model = opens(text("ok"), enabled=("calculate", "fetch", "remember"))
    worked(as_(service, "rita", "reader"), Approvals(60))
    assert [tool["function"]["name"] for tool in model.asked[0]["tools"]] == ["calculate"]


def test_tools_are_not_the_askers_to_change(opens: Opens) -> None:
    service, model = opens(text("ok"), enabled=("calculate",))
    rita = as_(service, "rita", "reader")
    task = Task("?", changes={"tools": {"enabled": ["python"], "roots": ["/"]}, "mcp": {"servers": {}}})
    list(rita.agents.work(rita.conversations.new("default"), task, Approvals(60), threading.Event()))
    assert [tool["function"]["name"] for tool in model.asked[0]["tools"]] == ["calculate"]


def test_a_run_without_an_answer_says_why(opens: Opens) -> None:
    service, _ = opens(wishes(("calculate", '{"expression": "1+1"}')), enabled=("calculate",))
    *_, turn = worked(as_(service, "ed", "editor"), Approvals(60))
    assert isinstance(turn, Turn)
    assert turn.state == "failed"
    assert turn.details["run"]["stop_reason"] == "no_progress"
    assert "no_progress" in turn.details["error"]


def test_a_word_counts_once_and_for_its_own_question() -> None:
    approvals = Approvals(60)
    with pytest.raises(NotThere):
        approvals.settle("none", agrees=True)
    thread = answering(approvals, agrees=True)
    assert approvals.ask(Call("remember", {}), "why", lambda: False) is True
    thread.join(10)
    assert approvals.question is None
