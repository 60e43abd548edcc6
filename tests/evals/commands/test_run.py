"""The commands as a user runs them, on tiny sets; the model writes little."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run_command
from tests.evals.running.making import TEXTS

QUESTIONS: list[dict[str, Any]] = [
    {"question": "Who approves refunds over 500 EUR?", "answers": ["a manager"], "context_id": "p0"},
    {"question": "Where do cats sleep?", "answers": ["on warm roofs"], "context_id": "p2"},
    {"question": "Who painted the town hall?", "answers": [], "is_impossible": True, "context_id": "p1"},
]
EXTRACT = ("--set", "ask.style=extract")
SMALL = {"RAGENT_LLM__THREADS": "1", "RAGENT_LLM__N_CTX": "2048"}


def ragent(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return run_command("--home", home, *arguments, variables=SMALL)


def told(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    folder.mkdir()
    lines = [json.dumps({"id": str(number), **question}) for number, question in enumerate(QUESTIONS)]
    (folder / "questions.jsonl").write_text("\n".join(lines))
    texts = [json.dumps({"_id": id_, "title": each.title, "text": each.text}) for id_, each in TEXTS.items()]
    (folder / "contexts.jsonl").write_text("\n".join(texts))
    return folder


def test_questions_are_asked_kept_shown_and_deleted(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    first = told(ragent(home, "eval", "qa", folder, *EXTRACT, "--name", "first", "--json"))
    assert (first["set"], first["split"], first["cases"], first["errors"]) == ("tiny", "", 3, 0)
    for name in ("f1", "quote_exactness", "seconds"):
        assert set(first["metrics"][name]) == {"value", "low", "high"}
    assert first["metrics"]["quote_exactness"]["value"] == 1.0

    again = told(ragent(home, "eval", "run", folder, *EXTRACT, "--metrics", "f1,exact_match", "--json"))
    assert again["run"] != first["run"]
    assert (again["cached"], list(again["metrics"])) == (3, ["f1", "exact_match"])
    assert again["metrics"]["f1"] == first["metrics"]["f1"]

    listed = told(ragent(home, "eval", "runs", "--json"))
    assert [run["name"] for run in listed] == ["tiny", "first"]
    shown = told(ragent(home, "eval", "runs", "first", "--json"))
    assert (shown["run"], shown["total"]) == (first["run"], 3)
    refund = shown["cases"][0]["outcome"]
    assert refund["quotes"][0]["text_id"] == "p0"
    assert refund["quotes"][0]["quote"] in TEXTS["p0"].text
    assert refund["found"][0]["text"]
    assert told(ragent(home, "eval", "runs", "first", "--delete", "--json")) == {"deleted": first["run"]}
    assert "there is no run of an eval set called 'first'" in ragent(home, "eval", "runs", "first").stderr


def test_values_are_written_under_schemas(tmp_path: Path) -> None:
    file = tmp_path / "schemas.jsonl"
    file.write_text('{"id": "a", "schema": {"enum": ["yes", "no"]}}\n')
    report = told(ragent(tmp_path / "home", "eval", "schema", file, "--set", "llm.max_tokens=16", "--json"))
    assert (report["set"], report["cases"]) == ("schemas", 1)
    assert report["metrics"]["validity"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_what_can_not_be_set_or_measured_is_told(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    for arguments, problem in (
        (("--set", "ask.stile=draft"), "unknown setting ask.stile"),
        (("--set", "ask.style"), "'ask.style' sets nothing"),
        (("--metrics", "goodness", *EXTRACT), "unknown metric 'goodness'"),
    ):
        done = ragent(home, "eval", "run", folder, *arguments, "--json")
        assert done.returncode == 2
        assert problem in json.loads(done.stdout)["error"]["message"]


def test_the_example_of_the_documentation_runs(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "evals-runs.md").read_text()
    example = page.partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(folder)
    (folder / "ragent.toml").write_text('[ask]\nstyle = "extract"\n')
    exec(example, {})
    figures, *answers = capsys.readouterr().out.splitlines()
    assert len(figures.split()) == 3
    assert [line.rpartition("? ")[2].partition("[")[0] for line in answers][2].startswith("I found nothing")
    assert "[True]" in answers[0]
