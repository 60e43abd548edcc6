"""Every command and snippet of the README does what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def run(command: list[str], cwd: Path, home: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"RAGENT_HOME": str(home), "PATH": path}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the checkout, in which commands may write."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "evals" / "sets" / "harbour", folder / "evals" / "sets" / "harbour")
    shutil.copytree(ROOT / "evals" / "benchmarks", folder / "evals" / "benchmarks")
    return folder


@pytest.mark.slow
def test_the_commands_run_in_their_order(place: Path) -> None:
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(commands) >= 8
    for command in commands:
        ran = run(["bash", "-c", command], place, place / "home")
        assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"


@pytest.mark.slow
def test_the_python_snippets_run(place: Path) -> None:
    snippets = blocks("python")
    assert snippets
    for snippet in snippets:
        ran = run([sys.executable, "-W", "error", "-c", snippet], place, place / "home")
        assert ran.returncode == 0, ran.stderr
        assert "file://" in ran.stdout


@pytest.mark.parametrize("script", re.findall(r"^python (evals/benchmarks/\S+)", README, re.MULTILINE))
def test_the_benchmarks_say_how_they_are_used(script: str, tmp_path: Path) -> None:
    ran = run([sys.executable, str(ROOT / script), "--help"], tmp_path, tmp_path / "home")
    assert ran.returncode == 0, ran.stderr
    assert "usage" in ran.stdout


def test_its_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
