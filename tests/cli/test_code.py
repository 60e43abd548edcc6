from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ragent.agent.tools import jail
from tests.agent.served import model_server, text, wishes
from tests.cli.conftest import Ragent

pytestmark = pytest.mark.skipif(jail.why_not() != "", reason=f"no sandbox on this machine: {jail.why_not()}")

DEMO = Path(__file__).parents[2] / "evals" / "sets" / "code-demo" / "repository"
FIX = "max(last, merged[-1][1])"
EDIT = {"path": "bookings/stays.py", "old": "0], last)", "new": f"0], {FIX})"}
MEND = wishes(("edit_file", json.dumps(EDIT)), said="The short one cuts it off.")


def repository(folder: Path) -> Path:
    return Path(shutil.copytree(DEMO, folder / "repository"))


def settings(folder: Path, url: str) -> None:
    (folder / "ragent.toml").write_text(f'[llm]\nurl = "{url}"\n')


def test_the_difference_is_shown_and_written_once_agreed(ragent: Ragent, tmp_path: Path) -> None:
    repo = repository(tmp_path)
    before = (repo / "bookings/stays.py").read_text()
    with model_server(MEND, text("Mended."), MEND, text("Mended.")) as server:
        settings(tmp_path, server.url)
        ran = ragent("code", "Mend it.", "--repo", repo)
        assert ran.code == 0, ran.err
        assert FIX in ran.out
        assert "-            merged[-1] = (merged[-1][0], last)" in ran.out
        assert "→ edit_file" in ran.err
        assert "passed: pytest -q" in ran.err
        assert (repo / "bookings/stays.py").read_text() == before

        ran = ragent("code", "Mend it.", "--repo", repo, "--apply", "--yes", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["passed"], ran.json["applied"], ran.json["files"]) == (True, True, ["bookings/stays.py"])
    assert (ran.json["output"], ran.json["steps"][0]["tool"]) == ("Mended.", "edit_file")
    assert "4 passed" in ran.json["tests"][0]["output"]
    assert FIX in (repo / "bookings/stays.py").read_text()
    assert ragent("agent", "show", ran.json["id"], "--json").json["stop_reason"] == "answer"


def test_what_fails_the_tests_is_not_agreed_to_beforehand(ragent: Ragent, tmp_path: Path) -> None:
    repo = repository(tmp_path)
    made = wishes(("create_file", json.dumps({"path": "notes.txt", "text": "\x1b[2Jall \u202ewell"})))
    with model_server(made, text("Done.")) as server:
        settings(tmp_path, server.url)
        ran = ragent("code", "Mend it.", "--repo", repo, "--apply", "--yes")
    assert ran.code == 1
    assert "+<U+001B>[2Jall <U+202E>well" in ran.out
    assert "failed: pytest -q" in ran.err
    assert "nothing was written" in ran.err
    assert not (repo / "notes.txt").exists()


def test_what_cannot_be_done_is_said_before_the_model_is_asked(ragent: Ragent, tmp_path: Path) -> None:
    repo = repository(tmp_path)
    settings(tmp_path, "http://127.0.0.1:1/v1")
    nobody = ragent("code", "x", "--repo", repo, "--apply")
    shell = ragent("code", "x", "--repo", repo, "--test", "make test", "--json")
    assert (nobody.code, shell.code) == (2, 2)
    assert "--apply --yes" in nobody.err
    assert "no shell" in shell.json["error"]["message"]
