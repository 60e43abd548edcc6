"""The commands as a user runs them, with the real model where one is needed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ragent.store import Store
from tests.commands import run_command
from tests.evals.judging.making import keep_run

LINES = [
    {"id": "1", "question": "What does the ferry cost?", "answer": "Four euros.", "reference": "4 euros"},
    {"id": "2", "question": "When does it leave?", "answer": "At noon.", "reference": "9:00", "label": "no"},
]
SMALL = {"RAGENT_LLM__THREADS": "1", "RAGENT_LLM__N_CTX": "1024"}


def ragent(home: Path, *arguments: object, said: str = "") -> subprocess.CompletedProcess[str]:
    return run_command("--home", home, *arguments, said=said, variables=SMALL)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "home") as store:
        keep_run(store, "run-1", "old", {"one": "x", "two": "y", "three": "[b]z\x1b[31m"})
        keep_run(store, "run-2", "new", {"one": "x!", "two": "y!", "three": "z!"})
    return tmp_path / "home"


def test_answers_of_a_file_are_judged_and_verdicts_are_kept(tmp_path: Path) -> None:
    file, home = tmp_path / "answers.jsonl", tmp_path / "home"
    file.write_text("\n".join(map(json.dumps, LINES)))
    done = ragent(home, "eval", "judge", file, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["criterion"], report["by"], report["calibrated"]) == ("correct", ["probabilities"], False)
    assert [one["verdict"]["verdict"] in ("Yes", "No") for one in report["verdicts"]] == [True, True]
    assert report["review"]["agreement"]["cases"] == 1
    assert report["prompt"]["name"] == "judge-correct"

    again = ragent(home, "eval", "judge", file)
    assert again.returncode == 0, again.stderr
    assert "label, of 1" in again.stdout
    assert "not calibrated" in again.stderr
    refused = ragent(home, "eval", "judge", file, "--criterion", "nice")
    assert refused.returncode == 2
    assert "known: correct, faithful, helpful" in refused.stderr


def test_a_person_votes_with_keys_and_goes_on_later(home: Path) -> None:
    nobody = ragent(home, "eval", "standings")
    assert nobody.returncode == 1
    assert "nobody voted yet" in nobody.stderr
    first = ragent(home, "eval", "arena", "old", "new", "--voter", "ann", "--json", said="x\na\nq\n")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["voted"] == 1
    rest = ragent(home, "eval", "arena", "old", "new", "--voter", "ann", "--json", said="t\nb\na\na\n")
    report = json.loads(rest.stdout)
    assert report["voted"] == 2
    assert "\x1b" not in first.stderr + rest.stderr
    assert sum(one["wins"] for one in report["standings"]["people"]) == 2
    shown = ragent(home, "eval", "standings", "tiny-v1")
    assert "by people" in shown.stdout


def test_the_model_votes(home: Path) -> None:
    done = ragent(home, "eval", "arena", "old", "new", "--judge", "--limit", "1", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["voted"], report["by"]) == (1, ["probabilities"])
    assert -0.5 <= report["position_bias"] <= 0.5
    assert {one["name"] for one in report["standings"]["judges"]} == {"old", "new"}


def test_preference_pairs_are_written_and_what_was_dropped_is_counted(tmp_path: Path) -> None:
    questions, out = tmp_path / "questions.txt", tmp_path / "pairs.jsonl"
    questions.write_text("Say yes.\nSay no.\n")
    limits = ("--max-tokens", "12", "--temperature", "0", "--limit", "1")
    done = ragent(tmp_path / "home", "eval", "prefer", questions, "--out", out, *limits, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["questions"] == 1
    assert report["kept"] + sum(report["dropped"].values()) == 1
    manifest = json.loads(Path(report["manifest"]).read_text())
    assert [prompt["name"] for prompt in manifest["prompts"]] == [
        "principle-critique",
        "principle-revise",
        "judge-pair",
    ]
    assert len(out.read_text().splitlines()) == report["kept"]
