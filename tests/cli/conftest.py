from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run_command

DOCUMENTS = Path(__file__).parents[2] / "evals" / "sets" / "harbour" / "documents"


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Ragent = Callable[..., Ran]


def run_ragent(home: Path, *arguments: str | Path, cwd: Path | None = None, **variables: str) -> Ran:
    """Run the command line in a process of its own, as a user would."""
    done = run_command("--home", home, *arguments, cwd=cwd, variables=variables)
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def ragent(tmp_path: Path) -> Ragent:
    """The command line over a fresh home."""
    return lambda *arguments: run_ragent(tmp_path / "home", *arguments, cwd=tmp_path)


@pytest.fixture(scope="session")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Ragent:
    """The command line over a home that holds the sample documents. Tests only read it."""
    folder = tmp_path_factory.mktemp("harbour")
    ran = run_ragent(folder / "home", "ingest", DOCUMENTS, "--json", cwd=folder)
    assert ran.code == 0, ran.err
    assert ran.json["added"] == len(list(DOCUMENTS.iterdir()))
    return lambda *arguments: run_ragent(folder / "home", *arguments, cwd=folder)
