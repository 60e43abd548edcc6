"""The commands and the snippet of docs/corpus.md do what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "corpus.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "evals" / "sets" / "harbour", tmp_path / "evals" / "sets" / "harbour")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"RAGENT_HOME": str(tmp_path / "home"), "PATH": path}

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    out = "".join(run("bash", "-e", "-c", block) for block in blocks("bash"))
    assert "3 links between 3 and 3 rows" in out
    assert "Orla Tresk — is → Harbour Master" in out
    assert "relation precision   1.000" in out
    (snippet,) = blocks("python")
    assert "Trust is governed by Harbour Board" in run(sys.executable, "-W", "error", "-c", snippet)
