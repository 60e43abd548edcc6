from __future__ import annotations

from pathlib import Path

from tests.agent.served import model_server, text, wishes
from tests.cli.conftest import Ragent

PLAN = text('{"steps": ["Multiply 17 by 3."]}')
CALL = wishes(("calculate", '{"expression": "17 * 3"}'), said="I multiply.")
WRONG, RIGHT = text('{"problems": ["It is 51."]}'), text('{"problems": []}')


def test_a_task_is_planned_and_its_answer_checked(ragent: Ragent, tmp_path: Path) -> None:
    turns = (PLAN, CALL, text("51"), text("It is 15."), WRONG, text("It is 51."), RIGHT)
    with model_server(*turns) as server:
        (tmp_path / "ragent.toml").write_text(f'[llm]\nurl = "{server.url}"\n')
        wanted = ("What is 17 * 3?", "--tools", "calculate", "--plan", "--critique", "--json")
        ran = ragent("agent", "run", *wanted)
    assert ran.code == 0, ran.out
    assert ran.json["output"] == "It is 51."
    assert [step["tool"] for step in ran.json["steps"]] == ["plan", "do_step", None, None]
    assert ran.json["usage"]["completion_tokens"] == 5 * len(turns)
    (child,) = ragent("agent", "show", ran.json["id"], "--json").json["children"]
    assert [step["tool"] for step in child["steps"]] == ["calculate", None]


def test_a_planned_run_is_resumed_as_one(ragent: Ragent, tmp_path: Path) -> None:
    with model_server(PLAN) as server:
        (tmp_path / "ragent.toml").write_text(f'[llm]\nurl = "{server.url}"\n')
        asked = ("What is 17 * 3?", "--tools", "calculate", "--plan", "--max-tokens", "400", "--json")
        first = ragent("agent", "run", *asked)
        assert first.json["stop_reason"] == "tokens"
        server.turns[:] = [PLAN, CALL, text("51"), text("It is 51.")]
        server.asked.clear()
        done = ragent("agent", "resume", first.json["id"], "--max-tokens", "9000", "--json")
    assert done.code == 0, done.out
    assert done.json["output"] == "It is 51."
    assert [step["tool"] for step in done.json["steps"]] == ["plan", "do_step", "plan", "do_step", None]
