"""The commands and snippets of docs/evals-sets.md do what it says, and its lines are cases."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ragent_evals.sets.lines import Line, check_case, read_case

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "evals-sets.md").read_text("utf-8")


def blocks(*languages: str) -> list[tuple[str, str]]:
    return re.findall(rf"^```({'|'.join(languages)})\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_lines_shown_are_cases() -> None:
    ((_, shown),) = blocks("json")
    lines = re.sub(r"\n (?=\S)", " ", shown).splitlines()
    cases = [read_case(Line("the page", json.loads(line))) for line in lines]
    for case in cases:
        check_case(case, "the page")
    assert [case.kind for case in cases] == ["answer", "answer", "turns"]


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "evals" / "sets" / "harbour", tmp_path / "evals" / "sets" / "harbour")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"RAGENT_HOME": str(tmp_path / "home"), "PATH": path}
    shells = {"bash": ["bash", "-e", "-c"], "python": [sys.executable, "-W", "error", "-c"]}
    for language, block in blocks(*shells):
        ran = subprocess.run(
            [*shells[language], block], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert ran.returncode == 0, f"{block}\n{ran.stdout}{ran.stderr}"
    lines = [json.loads(line) for line in (tmp_path / "asked.jsonl").read_text().splitlines()]
    assert {line["slices"]["source"] for line in lines} == {"thumbs-up", "correction"}
