from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import run_command

DOCUMENTS = {
    "gate.txt": "The harbour gate is opened by Ada Moor at seven each morning.\n",
    "boats.txt": "Small boats moor at the north quay. Each boat pays four crowns a night.\n",
}


def command(home: Path, *arguments: str) -> list[str]:
    """How `ragent mcp` is started over a home."""
    return [sys.executable, "-m", "ragent.cli", "--home", str(home), "mcp", *arguments]


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RAGENT_")} | more


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Path:
    """A home that holds the documents. Tests only read it."""
    folder = tmp_path_factory.mktemp("home")
    run_command("--home", folder, "ingest", documents).check_returncode()
    return folder


@pytest.fixture(scope="session")
def over_http(home: Path) -> Iterator[str]:
    """The address of a server that wants the token `sesame`."""
    with subprocess.Popen(
        command(home, "--http", "--port", "0"),
        env=environment(RAGENT_SECRET_MCP="sesame"),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        assert process.stdout
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found
        yield found[0]
        process.terminate()
        assert process.wait(20) == 0
        assert process.stdout.read() == ""
