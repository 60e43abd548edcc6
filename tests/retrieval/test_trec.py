from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragent.errors import EvalError
from ragent.retrieval import read_queries, read_run, write_run, write_scores
from ragent.types import Hit, SearchResult

ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        ids, st.dictionaries(ids, st.floats(-1e6, 1e6), min_size=1, max_size=5), min_size=1, max_size=4
    )
)
def test_a_run_comes_back_as_it_was(tmp_path: Path, run: dict[str, dict[str, float]]) -> None:
    write_scores(tmp_path / "run.trec", run)
    assert read_run(tmp_path / "run.trec") == run


def test_the_lines_are_trec_evals(tmp_path: Path) -> None:
    write_scores(tmp_path / "new" / "run.trec", {"q1": {"Geneva Durben": 2.5, "100%": 1.0}})
    assert (tmp_path / "new" / "run.trec").read_text() == (
        "q1 Q0 Geneva%20Durben 1 2.5 ragent\nq1 Q0 100%25 2 1.0 ragent\n"
    )


def test_a_run_of_search_results_names_documents_once(tmp_path: Path) -> None:
    hits = tuple(
        Hit(rank, 1 / rank, rank, document, f"file:///d{document}", "", None, 0, 1, "x", "", {})
        for rank, document in enumerate([4, 2, 4], 1)
    )
    write_run(tmp_path / "run", {"q": SearchResult("x", hits, {})})
    assert read_run(tmp_path / "run") == {"q": {"file:///d4": 1.0, "file:///d2": 0.5}}


@pytest.mark.parametrize("line", ["q Q0 d 1", "q Q0 d 1 high tag", "a b c d e f g"])
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "run").write_text(f"q Q0 d 1 0.5 t\n{line}\n")
    with pytest.raises(EvalError, match="line 2"):
        read_run(tmp_path / "run")


def test_queries(tmp_path: Path) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text(
        '{"_id": "a", "text": "one\u2028two"}\n\n{"_id": "b", "text": "three", "more": 1}\n', "utf-8"
    )
    assert read_queries(path) == {"a": "one\u2028two", "b": "three"}


@pytest.mark.parametrize("line", ['{"_id": "a"}', "[1]", "{", '{"_id": 1, "text": "x"}', '"text"'])
def test_a_query_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "queries.jsonl").write_text('{"_id": "a", "text": "one"}\n' + line)
    with pytest.raises(EvalError, match="line 2"):
        read_queries(tmp_path / "queries.jsonl")


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty").write_text("\n")
    for path in (tmp_path / "none", tmp_path / "binary", tmp_path / "empty", tmp_path):
        with pytest.raises(EvalError):
            read_queries(path)
    with pytest.raises(EvalError, match="can't write"):
        write_scores(tmp_path / "empty" / "run", {})
