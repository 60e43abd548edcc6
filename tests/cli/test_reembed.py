from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ragent.cli.app import app
from ragent.errors import ChunksTooLong, EmbedderMismatch, StoreError

Run = Callable[..., Result]

# With another prefix, the bundled model makes vectors of another space.
OTHER = {"RAGENT_EMBEDDER__DOCUMENT_PREFIX": "passage: "}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line over a home with one small document, in this process."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "harbour.md").write_text("# Harbour\n\nThe lock opens at high tide.\n")

    def invoke(*arguments: str, env: dict[str, str] | None = None) -> Result:
        return CliRunner().invoke(app, ["--home", str(tmp_path / "home"), *arguments], env=env)

    assert invoke("ingest", "harbour.md").exit_code == 0
    return invoke


def said(result: Result) -> Any:
    assert result.exception is None, result.exception
    return json.loads(result.stdout)


def test_another_embedder_is_refused_until_the_collection_is_embedded_anew(run: Run, tmp_path: Path) -> None:
    assert run("search", "lock").exit_code == 0
    refused = run("search", "lock", env=OTHER)
    assert isinstance(refused.exception, EmbedderMismatch)
    assert "ragent reembed" in refused.exception.hint
    assert "document_prefix 'passage: '" in refused.exception.message

    report = said(run("reembed", "--json", env=OTHER))
    assert report.keys() >= {"collection", "chunks", "embedded", "reused", "seconds", "model"}
    assert (report["collection"], report["chunks"], report["embedded"]) == ("default", 1, 1)
    assert said(run("search", "lock", "--json", env=OTHER))["hits"][0]["title"] == "Harbour"
    assert said(run("fsck", "--json", env=OTHER)) == {"sound": True, "problems": []}
    assert [path.name for path in (tmp_path / "home" / "indexes").iterdir()] == ["1-2"]
    assert isinstance(run("search", "lock").exception, EmbedderMismatch)
    again = run("reembed", env=OTHER)
    assert again.stdout.startswith("default: 1 chunks by all-MiniLM-L6-v2, 0 embedded, 1 reused")


def test_what_would_be_cut_is_refused(run: Run) -> None:
    long_prefix = {"RAGENT_EMBEDDER__DOCUMENT_PREFIX": "a b c d e f g " * 35}
    refused = run("reembed", env=long_prefix)
    assert isinstance(refused.exception, ChunksTooLong)
    assert refused.exception.count == 1
    assert said(run("reembed", "--abandon", "--json")) == {"collection": "default", "dropped": 0}
    assert run("search", "lock").exit_code == 0


def test_a_collection_that_is_not_there_is_refused(run: Run) -> None:
    assert isinstance(run("reembed", "--collection", "law").exception, StoreError)
