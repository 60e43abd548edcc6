"""What docs/evals-compare.md shows works as it stands there."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ragent import Rag
from ragent_evals.comparing import read_gate
from ragent_evals.pytest_plugin import EvalMark
from tests.cli.conftest import run_ragent
from tests.evals.keeping import keep, kept

PAGE = (Path(__file__).parents[3] / "docs" / "evals-compare.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home that holds the two runs, and with the gate."""
    folder = tmp_path_factory.mktemp("docs")
    lower = frozenset({"seconds"})
    before = kept({"f1": [0.0, 1.0, 0.5, 0.75] * 5, "seconds": [1.0] * 20}, "before", lower_is_better=lower)
    with Rag.open(folder / "my-home") as rag:
        keep(rag.store, before)
        keep(rag.store, replace(before, id="after-01", name="after"))
    (folder / "gate.toml").write_text(blocks("toml")[0], "utf-8")
    return folder


def test_the_gate_is_read_as_the_page_tells_it(place: Path) -> None:
    gate = read_gate(place / "gate.toml")
    assert (gate.metrics["f1"].max_loss, gate.metrics["f1"].slices) == (0.02, ("source",))


def test_the_commands_run(place: Path) -> None:
    commands = blocks("bash")[0].splitlines()
    assert len(commands) == 5
    for command in commands:
        name, *arguments = shlex.split(command)
        assert name == "ragent"
        ran = run_ragent(place / "my-home", *arguments, cwd=place)
        assert ran.code == 0, f"{command}\n{ran.err}"
    assert (place / "report" / "report.html").is_file()
    assert (place / "tests.xml").is_file()


def test_the_snippet_runs(place: Path) -> None:
    snippet = next(block for block in blocks("python") if "Rag.open" in block)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAGENT_")}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippet],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[0] == "f1 0.0 0.0 0.0 1.0 unclear"


def test_the_marker_takes_what_the_page_says() -> None:
    example = next(block for block in blocks("python") if "ragent_eval(" in block)
    call = next(node for node in ast.walk(ast.parse(example)) if isinstance(node, ast.Call) and node.keywords)
    taken = set(inspect.signature(EvalMark).parameters)
    assert {one.arg for one in call.keywords} == {"set", "min", "max"}
    told = re.findall(r"The marker also takes (.*?)\.\n", PAGE, re.DOTALL)[0]
    assert {"set", "min", "max", *re.findall(r"`(\w+)", told)} == taken
