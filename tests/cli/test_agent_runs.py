from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ragent.agent import Agent, SavedRuns
from ragent.store import Store
from tests.agent.scripted import Scripted
from tests.agent.scripted import answer as said
from tests.agent.served import model_server, text, wishes
from tests.cli.conftest import Ragent, run_ragent
from tests.commands import environment

CALL = wishes(("calculate", '{"expression": "17 * 3"}'), said="I multiply.")


def settings(folder: Path, url: str) -> None:
    (folder / "ragent.toml").write_text(f'[llm]\nurl = "{url}"\n')


def test_a_task_is_run_shown_and_listed(ragent: Ragent, tmp_path: Path) -> None:
    with model_server(CALL, text("It is 51.")) as server:
        settings(tmp_path, server.url)
        ran = ragent("agent", "run", "What is 17 * 3?", "--tools", "calculate", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["output"], ran.json["stop_reason"]) == ("It is 51.", "answer")
    first, last = ran.json["steps"]
    assert (first["thought"], first["tool"]) == ("I multiply.", "calculate")
    assert first["arguments"] == {"expression": "17 * 3"}
    assert first["observation"].startswith("51")
    assert first["seconds"] > 0
    assert (last["tool"], last["observation"]) == (None, None)
    assert ran.json["usage"]["prompt_tokens"] == 80
    assert [tool["function"]["name"] for tool in server.asked[0]["tools"]] == ["calculate"]

    shown = ragent("agent", "show", ran.json["id"], "--json").json
    assert shown == ran.json | {"children": []}
    tree = ragent("agent", "show", ran.json["id"]).out
    assert "→ calculate" in tree
    assert "80+10 tokens" in tree
    (listed,) = ragent("agent", "list", "--json").json
    assert (listed["id"], listed["stop_reason"], listed["task"]) == (
        ran.json["id"],
        "answer",
        "What is 17 * 3?",
    )
    over = ragent("agent", "cancel", ran.json["id"])
    assert over.code == 1
    assert "is over: answer" in over.err
    assert ragent("agent", "show", "nope").code == 1


def test_a_run_that_a_limit_ended_can_be_resumed(ragent: Ragent, tmp_path: Path) -> None:
    with model_server(CALL) as server:
        settings(tmp_path, server.url)
        ran = ragent("agent", "run", "What is 17 * 3?", "--tools", "calculate", "--max-steps", "1")
        assert ran.code == 1
        assert "no answer (steps)" in ran.err
        (listed,) = ragent("agent", "list", "--json").json
        assert f"ragent agent resume {listed['id']}" in ran.err
        server.turns[:] = [CALL, text("It is 51.")]
        server.asked.clear()
        done = ragent("agent", "resume", listed["id"], "--max-steps", "3")
    assert done.code == 0, done.err
    assert done.out == "It is 51.\n"
    assert "→ calculate" in done.err


def test_tools_of_an_mcp_server_can_be_named_and_need_a_yes_after_foreign_text(
    ragent: Ragent, tmp_path: Path
) -> None:
    pytest.importorskip("mcp")
    program = Path(__file__).parents[1] / "agent" / "mcp_server.py"
    wish = wishes(("it__add", '{"left": 1, "right": 2}'))
    with model_server(wish, wish, text("ok"), wish, wish, text("ok")) as server:
        config = f'[llm]\nurl = "{server.url}"\n[mcp.servers.it]\n'
        config += f'command = "{sys.executable}"\nargs = ["{program}"]\n'
        (tmp_path / "ragent.toml").write_text(config)
        offered = {
            tool["name"]: tool["pin"] for tool in ragent("agent", "tools", "--mcp", "it", "--json").json
        }
        (tmp_path / "ragent.toml").write_text(f'{config}allow = ["add@{offered["add"]}"]\n')
        unasked = ragent("agent", "run", "Add.", "--tools", "mcp:it", "--json")
        agreed = ragent("agent", "run", "Add.", "--tools", "mcp:it", "--json", "--yes")
    assert unasked.code == agreed.code == 0, unasked.err + agreed.err
    assert [step["kind"] for step in unasked.json["steps"]] == ["result", "refused", None]
    assert [step["kind"] for step in agreed.json["steps"]] == ["result", "result", None]
    assert agreed.json["tainted"]


@pytest.mark.parametrize("said", ["n\n", ""])
def test_a_person_is_asked_in_words_and_nothing_is_done_without_a_yes(tmp_path: Path, said: str) -> None:
    with model_server(wishes(("fetch", '{"url": "http://192.0.2.1/"}')), text("Then not.")) as server:
        settings(tmp_path, server.url)
        command = [
            sys.executable,
            "-m",
            "ragent.cli",
            "--home",
            str(tmp_path / "home"),
            "agent",
            "run",
            "Get it.",
        ]
        ran = subprocess.run(
            [*command, "--tools", "fetch", "--ask"],
            input=said,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment(),
            check=False,
        )
    assert (ran.returncode, ran.stdout) == (0, "Then not.\n"), ran.stderr
    assert 'fetch {"url": "http://192.0.2.1/"}' in ran.stderr
    assert "fetch has side effects. Do it? [y/N]" in ran.stderr
    assert "nobody agreed" in ran.stderr


def test_a_programs_own_run_is_not_resumed_here(ragent: Ragent, tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        run = Agent(Scripted([said("x")]), runs=SavedRuns(store)).run("?")
    ran = ragent("agent", "resume", run.id)
    assert ran.code == 2
    assert "of its own" in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_ends_a_run_that_can_be_resumed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with model_server(CALL) as server:
        settings(tmp_path, server.url)
        command = [sys.executable, "-m", "ragent.cli", "--home", str(home), "agent", "run", "Count."]
        command += ["--tools", "calculate", "--max-steps", "1000"]
        changing = iter(range(10_000))

        def turn(handler: object) -> None:
            wishes(("calculate", json.dumps({"expression": f"1 + {next(changing)}"})))(handler)  # type: ignore[arg-type]

        server.turns[:] = [turn]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment(),
        ) as child:
            assert child.stderr
            assert any("→ calculate" in line for line in child.stderr)
            os.kill(child.pid, signal.SIGINT)
            out, err = child.communicate(timeout=60)
        assert child.returncode == 130
        assert not out
        assert "no answer (cancelled)" in err
        (listed,) = run_ragent(home, "agent", "list", "--json", cwd=tmp_path).json
        assert listed["stop_reason"] == "cancelled"
        server.turns[:] = [text("Enough.")]
        done = run_ragent(home, "agent", "resume", listed["id"], cwd=tmp_path)
    assert (done.code, done.out) == (0, "Enough.\n")
