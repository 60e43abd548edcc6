"""`ragent eval sets`, `import` and `new`, as a user runs them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ragent import Rag
from tests.commands import run_command

HARBOUR = Path(__file__).parents[3] / "evals" / "sets" / "harbour"


def ragent(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return run_command("--home", home, "eval", *arguments)


def test_sets_says_what_a_set_holds(tmp_path: Path) -> None:
    done = ragent(tmp_path, "sets", HARBOUR, "--json")
    assert done.returncode == 0, done.stderr
    about = json.loads(done.stdout)
    assert (about["set"], about["cases"], about["texts"], about["impossible"]) == ("harbour", 68, 10, 15)
    assert about["slices"]["kind"] == {"single": 40, "two-documents": 13, "unanswerable": 15}
    assert sum(about["splits"].values()) == 68
    plain = ragent(tmp_path, "sets", HARBOUR / "turns.jsonl")
    assert "6 turns" in plain.stdout
    refused = ragent(tmp_path, "sets", HARBOUR / "documents")
    assert refused.returncode == 1
    assert "docs/evals-sets.md" in refused.stderr


def test_what_may_mislead_is_said(tmp_path: Path) -> None:
    lines = [{"id": f"{n}", "question": "Who?", "answers": ["Ada"], "split": "ab"[n]} for n in range(2)]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, lines)))
    repeated, shared, answered = json.loads(ragent(tmp_path, "sets", tmp_path, "--json").stdout)["problems"]
    assert "more than once" in repeated
    assert "several splits" in shared
    assert "silent" in answered


def test_import_keeps_the_version(tmp_path: Path) -> None:
    done = ragent(tmp_path, "import", HARBOUR, "--to", tmp_path / "ours", "--json")
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["cases"], json.loads(done.stdout)["texts"]) == (68, 10)
    theirs, ours = (
        json.loads(ragent(tmp_path, "sets", path, "--json").stdout) for path in (HARBOUR, tmp_path / "ours")
    )
    assert (ours["version"], ours["corpus"]) == (theirs["version"], theirs["corpus"])


def test_new_begins_a_set_and_never_overwrites_one(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "asked.jsonl"
    refused = ragent(home, "new", out)
    assert refused.returncode == 1
    assert "nobody asked" in refused.stderr
    (tmp_path / "heron.txt").write_text("The heron stands on one leg at dusk, because that keeps it warm.\n")
    with Rag.open(home, ask={"style": "extract", "abstain_below": 0.0}) as rag:
        rag.ingest(tmp_path / "heron.txt")
        rag.feedback(rag.ask("Why does the heron stand on one leg?"), 1)
    done = ragent(home, "new", out, "--rating", "up", "--since", "1h", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sources"]["thumbs-up"] == 1
    (line,) = map(json.loads, out.read_text().splitlines())
    assert line["question"] == "Why does the heron stand on one leg?"
    again = ragent(home, "new", out)
    assert again.returncode == 1
    assert "there already" in again.stderr
