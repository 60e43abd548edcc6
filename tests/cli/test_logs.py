from __future__ import annotations

from pathlib import Path

import pytest

from ragent.store import Store, TraceStore
from ragent.trace import Outlet, Tracer, agent_step, execute_tool, invoke_agent, span
from ragent.types import Usage
from tests.cli.conftest import Ran, run_ragent


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a search, and an agent's run in which a tool failed."""
    with Store.open(tmp_path / "home") as store:
        tracer = Tracer([Outlet(TraceStore(store))])
        with tracer.span("search", "search"), span("retrieval default", "retrieval"):
            pass
        with invoke_agent("agent", tracer=tracer, run="run-7"), agent_step(1):
            with span("chat tiny", "chat") as call:
                call.usage(Usage(1200, 34))
            with execute_tool("add", {"a": 1}) as tool:
                tool.set({"error.type": "ToolError"})
        tracer.flush()
    return tmp_path / "home"


def logs(home: Path, *arguments: str) -> Ran:
    return run_ragent(home, "logs", *arguments)


def test_logs_lists_what_was_done(home: Path) -> None:
    ran = logs(home)
    search, run = ran.out.splitlines()
    assert "search" in search
    assert "1200 → 34 tokens" in run
    assert "run run-7" in run
    assert "1 failed inside" in run
    traces = logs(home, "--json").json["traces"]
    assert [trace["kind"] for trace in traces] == ["search", "agent"]
    assert traces[1]["input_tokens"] == 1200
    assert [trace["kind"] for trace in logs(home, "--json", "--errors").json["traces"]] == ["agent"]
    narrow = logs(home, "--json", "--kind", "search", "--since", "1h", "--last", "1").json["traces"]
    assert [trace["kind"] for trace in narrow] == ["search"]


def test_logs_shows_a_run_as_a_tree(home: Path) -> None:
    lines = logs(home, "run-7").out.splitlines()[1:]
    names = [line.split("  ")[0].lstrip() for line in lines]
    assert names[0] == "invoke_agent agent"
    assert "step 1" in lines[1]
    assert "chat tiny" in lines[2]
    assert "1200 → 34 tokens" in lines[2]
    assert "execute_tool add" in lines[3]
    assert "ToolError" in lines[3]
    (run,) = logs(home, "run-7", "--json").json["traces"]
    (step,) = run["parts"]
    assert [part["name"] for part in step["parts"]] == ["chat tiny", "execute_tool add"]
    assert step["parts"][1]["attributes"]["gen_ai.tool.name"] == "add"


def test_logs_says_what_it_cannot_find_or_read(home: Path) -> None:
    unknown = logs(home, "run-8")
    assert unknown.code == 1
    assert "there is no trace or run 'run-8'" in unknown.err
    assert logs(home, "--since", "yesterday").code == 2
