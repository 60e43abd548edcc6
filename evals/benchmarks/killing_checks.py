"""What `killing.py` looks at after a kill: what the home holds, and what it finds."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]

from ragent.errors import RagentError
from ragent.rag import Rag

MARK = re.compile(r"\bmark[a-z]{9}\b")
VECTOR_TOLERANCE = 0.01

State = dict[str, list[tuple[Any, ...]]]
QUERIES = {
    "sources": "SELECT argument, cursor FROM sources",
    "documents": "SELECT d.uri, d.item, s.argument, d.version, d.content_hash, d.media_type, d.title,"
    " d.pages, d.meta, d.text FROM documents d LEFT JOIN sources s ON s.id = d.source_id",
    "chunks": "SELECT d.uri, c.start, c.end, c.page, c.tokens, c.context, c.text FROM chunks c"
    " JOIN documents d ON d.id = c.document_id",
    "duplicates": "SELECT d.uri, o.uri, r.similarity FROM duplicates r"
    " JOIN documents d ON d.id = r.document_id JOIN documents o ON o.id = r.original_id",
    "signatures": "SELECT d.uri, s.data FROM signatures s JOIN documents d ON d.id = s.document_id",
    "bands": "SELECT d.uri, b.key FROM bands b JOIN documents d ON d.id = b.document_id",
}
VECTORS = (
    "SELECT v.data FROM vectors v JOIN chunks c ON c.id = v.chunk_id JOIN documents d ON d.id = c.document_id"
    " ORDER BY d.uri, c.start, c.end"
)


def survives(process: psutil.Process) -> bool:
    """Whether a process is there after ten seconds."""
    try:
        process.wait(10)
    except psutil.TimeoutExpired:
        return True
    return False


def look(home: Path, expected: set[str] | None) -> list[str]:
    """What `Rag.fsck` finds, and what is wrong with the search for each mark that is in the database.

    Every hit must be what its document says at that place, and each mark of `expected` must be there.
    """
    state = state_of(home)
    marks = {mark for row in state.get("chunks", []) for mark in MARK.findall(row[-1])}
    problems = [f"{mark} is nowhere" for mark in sorted(expected - marks)] if expected else []
    if not (home / "ragent.db").exists():
        return problems
    try:
        with Rag.open(home) as rag:
            problems += [f"fsck: {problem}" for problem in rag.fsck()]
            return problems + (search(rag, state, sorted(marks)) if marks else [])
    except RagentError as error:
        return [*problems, f"it can't be looked at: {error}"]


def search(rag: Rag, state: State, marks: list[str]) -> list[str]:
    """What is wrong with what is found."""
    texts = {row[0]: row[-1] for row in state["documents"]}
    problems = []
    for mark, result in zip(marks, rag.search_many(marks, 5), strict=True):
        if not (result.hits and mark in result.hits[0].text):
            problems.append(f"{mark} isn't found first")
        problems += [
            f"a wrong text at {hit.uri} {hit.start}"
            for hit in result.hits
            if texts.get(hit.uri, "")[hit.start : hit.end] != hit.text
        ]
    return problems


def compare(home: Path, expected: State, expected_vectors: np.ndarray[Any, Any]) -> list[str]:
    """Where the home differs from the undisturbed one."""
    state = state_of(home)
    problems = []
    for table, rows in expected.items():
        lacking = Counter(map(repr, rows)) - Counter(map(repr, state[table]))
        extra = Counter(map(repr, state[table])) - Counter(map(repr, rows))
        problems += [f"{table} lacks {row[:200]}" for row in list(lacking)[:3]]
        problems += [f"{table} has too much: {row[:200]}" for row in list(extra)[:3]]
    vectors = vectors_of(home)
    if vectors.shape != expected_vectors.shape:
        problems.append(f"{vectors.shape} vectors, not {expected_vectors.shape}")
    elif (worst := float(np.abs(vectors - expected_vectors).max(initial=0))) > VECTOR_TOLERANCE:
        problems.append(f"vectors differ by {worst:.4f}")
    return problems


def state_of(home: Path) -> State:
    """Everything that must be equal, in an order of its own; empty before there are tables."""
    if not (home / "ragent.db").exists():
        return {}
    with closing(sqlite3.connect(f"file:{home / 'ragent.db'}?mode=ro", uri=True)) as database:
        try:
            return {name: sorted(database.execute(query), key=repr) for name, query in QUERIES.items()}
        except sqlite3.OperationalError:
            return {}


def vectors_of(home: Path) -> np.ndarray[Any, Any]:
    """All vectors, by document and place."""
    with closing(sqlite3.connect(f"file:{home / 'ragent.db'}?mode=ro", uri=True)) as database:
        rows = [np.frombuffer(data, np.float16).astype(np.float32) for (data,) in database.execute(VECTORS)]
    return np.array(rows)
