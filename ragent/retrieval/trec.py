"""TREC runs, and files of queries.

A line of a run is `query Q0 document rank score tag`, parted by spaces (trec_eval's `results` format). White
space and % inside an id are percent-encoded, and decoded when read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from ragent.errors import EvalError
from ragent.retrieval.grouping import best_of_each_document
from ragent.types import SearchResult

Run = Mapping[str, Mapping[str, float]]
"""By query id, the score of each document."""

_TAG = "ragent"


def read_queries(path: Path) -> dict[str, str]:
    """Texts by id from JSON Lines of {"_id", "text"}.

    Raises:
        EvalError: the file can't be read, or a line isn't such an object.
    """
    queries: dict[str, str] = {}
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            query = json.loads(line)
            id_, text = query["_id"], query["text"]
        except (ValueError, KeyError, TypeError):
            id_ = text = None
        if not isinstance(id_, str) or not isinstance(text, str):
            raise EvalError(f"{path}, line {number}: not a query", hint='a line is {"_id": "…", "text": "…"}')
        queries[id_] = text
    if not queries:
        raise EvalError(f"{path} holds no queries", hint='a line is {"_id": "…", "text": "…"}')
    return queries


def write_run(path: Path, results: Mapping[str, SearchResult]) -> None:
    """Write the documents found for each query id, each as good as its best chunk. Raises EvalError."""
    write_scores(path, {id_: document_scores(result) for id_, result in results.items()})


def document_scores(result: SearchResult) -> dict[str, float]:
    """The score of each document found, by uri, best first."""
    return {hit.uri: hit.score for hit in best_of_each_document(result.hits)}


def write_scores(path: Path, run: Run) -> None:
    """Write a run whose documents stand in order of rank. Raises EvalError."""
    lines = [
        f"{_escape(query)} Q0 {_escape(document)} {rank} {score!r} {_TAG}\n"
        for query, scores in run.items()
        for rank, (document, score) in enumerate(scores.items(), 1)
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), "utf-8")
    except OSError as error:
        raise EvalError(f"can't write the run {path}: {error.strerror}") from error


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """Read a run back. Raises EvalError, with the line's number, for a line that isn't one."""
    run: dict[str, dict[str, float]] = {}
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            query, _, document, _, score, _ = line.split()
            run.setdefault(unquote(query), {})[unquote(document)] = float(score)
        except ValueError:
            raise EvalError(
                f"{path}, line {number}: not a line of a TREC run", hint="query Q0 document rank score tag"
            ) from None
    return run


def _escape(id_: str) -> str:
    return "".join(quote(c) if c == "%" or c.isspace() else c for c in id_)


def _lines(path: Path) -> Iterable[str]:
    try:
        return path.read_text("utf-8").rstrip("\n").split("\n")
    except OSError as error:
        raise EvalError(f"can't read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise EvalError(f"{path} is not UTF-8: {error}") from error
