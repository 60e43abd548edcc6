"""`ragent eval optimize` and `ragent eval probe`, as a user runs them, in the style that needs no model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ragent, run_ragent

TRADES = ("keeper", "baker", "teacher", "pilot", "librarian", "director", "gardener", "tailor")
PEOPLE = ("Ann Lee", "Bob Moor", "Cleo Hart", "Dan Frost", "Eve Stone", "Finn Gale", "Gus Park", "Ida Wood")


@pytest.fixture
def ragent(tmp_path: Path) -> Ragent:
    """The command line in a folder with a set, `village`, and settings."""
    (tmp_path / "village").mkdir()
    texts, questions = [], []
    for number, (trade, person) in enumerate(zip(TRADES, PEOPLE, strict=True)):
        text = f"The house of the {trade} is old. {person} is the {trade} of the village, and likes the work."
        texts.append({"_id": f"t{number}", "title": trade.title(), "text": text})
        about = {"context_id": f"t{number}", "split": "train" if number % 2 else "test"}
        asked = f"Who is the {trade} of the village?"
        questions.append({"id": f"q{number}", "question": asked, "answers": [person], **about})
        asked = f"What did the {trade} study abroad?"
        questions.append(
            {"id": f"n{number}", "question": asked, "answers": [], "is_impossible": True, **about}
        )
    for name, lines in (("contexts", texts), ("questions", questions)):
        written = "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / "village" / f"{name}.jsonl").write_text(written)
    (tmp_path / "ragent.toml").write_text('[ask]\nstyle = "extract"\nabstain_below = 0.0\n')
    return lambda *arguments: run_ragent(tmp_path / "home", *arguments, cwd=tmp_path)


def test_what_is_found_is_checked_reported_and_written(ragent: Ragent, tmp_path: Path) -> None:
    arguments = ("village", "--tune", "abstain_below,k", "--metric", "abstention_accuracy", "--budget", "80")
    ran = ragent("eval", "optimize", *arguments, "--write", "--json")
    assert ran.code == 0, ran.err
    found = ran.json
    assert found["asks"] <= 80
    assert found["test_cases"] == 8
    assert found["accepted"]
    assert found["gain"]["value"] > 0
    assert found["silent"] == 0.5
    assert any(line.startswith("ask.abstain_below") for line in found["written"])
    threshold = found["winner"]["threshold"]
    assert f"abstain_below = {threshold}" in (tmp_path / "ragent.toml").read_text()
    assert "Difference" in Path(found["report"]).read_text()
    again = ragent("eval", "optimize", *arguments[:3], "--budget", "nothing")
    assert again.code == 1
    assert "budget" in again.err


def test_what_an_agent_lacks_is_said_before_a_model_is_asked(ragent: Ragent) -> None:
    agent = ("eval", "optimize", "village", "--program", "agent")
    ran = ragent(*agent, "--tune", "abstain_below")
    assert ran.code == 1
    assert "likest_first, max_steps" in ran.err
    ran = ragent(*agent, "--tools", "remember")
    assert ran.code == 1
    assert "remember has side effects" in ran.err


def test_probes_are_told_as_a_table_a_plot_and_json(ragent: Ragent, tmp_path: Path) -> None:
    arguments = ("eval", "probe", "village", "--probes", "position,rejection", "--cases", "3", "--no-model")
    ran = ragent(*arguments, "--plot", "curves.svg")
    assert ran.code == 0, ran.err
    assert "middle" in ran.out
    assert "text gone" in ran.out
    assert "<svg" in (tmp_path / "curves.svg").read_text()
    again = ragent(*arguments, "--json")
    assert [row["level"] for row in again.json["rows"]] == [
        "first",
        "middle",
        "last",
        "text there",
        "text gone",
    ]
    assert len(again.json["runs"]) == 1
