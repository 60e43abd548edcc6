"""The commands as a user runs them, with the real model, on tiny sets."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ragent.agent import Limits
from ragent_evals.agents.querying import run_tables, stop_reasons, summarize
from ragent_evals.agents.tables import Table, TableCase, fingerprint, open_table
from tests.agent.scripted import Scripted, answer, call
from tests.commands import run_command

FUNCTION = {
    "name": "math.factorial",
    "description": "Calculate the factorial of a given number.",
    "parameters": {
        "type": "dict",
        "properties": {"number": {"type": "integer", "description": "The number."}},
        "required": ["number"],
    },
}
CALL = {
    "id": "simple_1",
    "question": [[{"role": "user", "content": "Calculate the factorial of 5."}]],
    "function": [FUNCTION],
    "ground_truth": [{"math.factorial": {"number": [5]}}],
}
TABLE = Table("pilots", (("Name", "TEXT"), ("Boats", "TEXT")), (("Ann", "3"), ("Bob", "4")))
SMALL = {"RAGENT_LLM__THREADS": "1", "RAGENT_LLM__N_CTX": "2048"}


def ragent(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return run_command("--home", home, *arguments, variables=SMALL)


def changed() -> str:
    """What the table's fingerprint is once Bob has five boats."""
    table = Table(TABLE.name, TABLE.columns, (("Ann", "3"), ("Bob", "5")))
    database = open_table(table)
    try:
        return fingerprint(database, table)
    finally:
        database.close()


def test_calls_are_measured(tmp_path: Path) -> None:
    file = tmp_path / "tiny.jsonl"
    file.write_text("\n".join(json.dumps({**CALL, "id": f"simple_{number}"}) for number in range(3)))
    done = ragent(tmp_path / "home", "eval", "tools", file, "--limit", "1", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["set"], report["split"], report["cases"]) == ("tiny", "", 1)
    assert set(report["metrics"]) == {"named", "valid", "tool", "call"}
    for name in ("named", "valid", "tool"):
        assert report["metrics"][name] == {"value": 1.0, "low": 1.0, "high": 1.0}
    (line,) = Path(report["run"]).read_text().splitlines()
    assert json.loads(line)["id"] == "simple_0"
    assert json.loads(json.loads(line)["text"])["tool"] == "math.factorial"

    refused = ragent(tmp_path / "home", "eval", "agent", file, "--json")
    assert refused.returncode == 1
    assert "is no set of tables" in json.loads(refused.stdout)["error"]["message"]


def test_answers_and_changes_are_judged() -> None:
    cases = [
        TableCase("0", "How many boats has Ann?", TABLE, ("3.0",)),
        TableCase("1", "How many boats has Ann?", TABLE, ("3.0",)),
        TableCase("2", "Give Bob five boats.", TABLE, (), changed()),
        TableCase("3", "Give Bob five boats.", TABLE, (), changed()),
    ]
    model = Scripted(
        [
            call("sql", statement="SELECT Boats FROM pilots WHERE Name = 'Ann'"),
            answer(["3"]),
            answer(["4"]),
            call("sql", statement="UPDATE pilots SET Boats = '5' WHERE Name = 'Bob'"),
            answer([]),
            answer([]),
        ]
    )
    seen: list[int] = []
    done = list(run_tables(model, cases, seen.append))
    assert all(model.allowed)
    assert [each.right for each in done] == [True, False, True, False]
    assert [each.stop_reason for each in done] == ["answer"] * 4
    assert done[0].statements == ("SELECT Boats FROM pilots WHERE Name = 'Ann'",)
    assert {name: figure.value for name, figure in summarize(done).items()} == {"ended": 1.0, "right": 0.5}
    assert stop_reasons(done) == {"answer": 4}
    assert seen == [1, 2, 3, 4]
    assert '["3"]' in model.heard[1][-1].content.replace('\\"', '"')


@pytest.mark.parametrize("limits", [Limits(steps=2), Limits(steps=30, tokens=2000)])
def test_a_model_that_never_answers_ends_within_its_limits(limits: Limits) -> None:
    numbers = iter(range(1000))
    model = Scripted([lambda _: call("sql", statement=f"SELECT {next(numbers)}")])
    (done,) = run_tables(model, [TableCase("0", "How many?", TABLE, ("3",))], limits=limits)
    assert done.ended
    assert not done.right
    assert done.stop_reason in ("steps", "tokens", "error")
