"""Runs the command line in forks of one process that has imported what commands import.

    python -m tests.forking

For each line of JSON on stdin ("arguments", "folder", "variables", "stdin", "stdout", "stderr") a process is
forked that goes on as `python -m ragent.cli ARGUMENTS`, with its own environment, folder and streams (files,
by their paths), to the end of the interpreter. Its exit code, negative where a signal ended it, is a line of
the answer. Most of what a short command takes is imports, and hundreds are run in tests. That a process that
begins with nothing does the same is shown by the tests of the README and of docs/, which run `ragent` itself.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
from typing import Any

IMPORTED = (
    "alembic.command",
    "faiss",
    "ragent.agent",
    "ragent.cli.app",
    "ragent.embedding.bundled",
    "ragent.embedding.engine",
    "ragent.index.building",
    "ragent.index.hnsw",
    "ragent.ingest.reporting",
    "ragent.llm.llamacpp",
    "ragent.rag.rag",
    "ragent.retrieval.dense_side",
    "ragent.retrieval.keyword_side",
    "ragent_connectors.sources.folder",
    "ragent_evals.running.runner",
    "ragent_evals.sets.opening",
    "rich.progress",
    "typer.rich_utils",
)


def main() -> None:
    """Answer until stdin ends; or, in a fork, be the command."""
    for name in IMPORTED:
        importlib.import_module(name)
    while line := _read_line():
        asked = json.loads(line)
        child = os.fork()
        if not child:
            break
        _, status = os.waitpid(child, 0)
        os.write(1, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    else:
        return
    _become(asked)
    runpy.run_module("ragent.cli", run_name="__main__", alter_sys=True)


def _read_line() -> bytes:
    """Without a buffer, which a fork would take along."""
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(0, 2**20)):
        line += piece
    return line


def _become(asked: dict[str, Any]) -> None:
    streams = ("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY)
    for number, (name, flags) in enumerate(streams):
        opened = os.open(asked[name], flags)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["variables"])
    sys.path[0] = asked["folder"]
    sys.argv[1:] = asked["arguments"]


if __name__ == "__main__":
    main()
