from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli.conftest import Ragent

HIT = {"rank", "score", "chunk_id", "document_id", "uri", "title", "page", "start", "end", "text", "metadata"}


@pytest.mark.parametrize("mode", ["hybrid", "dense", "keyword"])
def test_json_follows_the_contract(harbour: Ragent, mode: str) -> None:
    ran = harbour("search", "refund of a cancelled ticket", "-k", "4", "--mode", mode, "--json")
    assert ran.code == 0
    result = ran.json
    assert set(result) >= {"query", "hits", "plan"}
    assert [hit["rank"] for hit in result["hits"]] == [1, 2, 3, 4]
    assert set(result["hits"][0]) >= HIT
    assert "ticket-and-refund-policy.md" in result["hits"][0]["uri"]
    assert result["plan"]["mode"] == mode


def test_plain_output_names_the_place(harbour: Ragent) -> None:
    ran = harbour("search", "refund of a cancelled ticket", "-k", "1")
    assert "ticket-and-refund-policy.md, characters" in ran.out


def test_many_queries_make_a_trec_run(harbour: Ragent, tmp_path: Path) -> None:
    queries = tmp_path / "queries.jsonl"
    queries.write_text(
        "\n".join(json.dumps({"_id": f"q{n}", "text": text}) for n, text in enumerate(["tide", "crane"]))
    )
    ran = harbour("search", "--queries", queries, "--run", tmp_path / "out.trec", "-k", "3", "--json")
    assert ran.code == 0, ran.err
    lines = [line.split() for line in (tmp_path / "out.trec").read_text().splitlines()]
    assert {line[0] for line in lines} == {"q0", "q1"}
    assert all(len(line) == 6 and line[1] == "Q0" for line in lines)
    assert all(float(a[4]) >= float(b[4]) for a, b in pairwise(lines) if a[0] == b[0])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["search", "tide", "--collection", "law"], 1, "ragent ingest PATH --collection law"),
        (["search", "  "], 1, "the query is empty"),
        (["search"], 2, "--queries FILE and --run FILE"),
        (["search", "tide", "--queries", "q.jsonl"], 2, "--queries FILE and --run FILE"),
        (["search", "tide", "-k", "0"], 2, "-k"),
        (["search", "tide", "--mode", "magic"], 2, "--mode"),
        (["--config", "none.toml", "search", "tide"], 2, "No such file"),
        (["search", "--queries", "none.jsonl", "--run", "out.trec"], 1, "none.jsonl"),
    ],
)
def test_what_is_wrong_is_said(harbour: Ragent, arguments: list[str], code: int, message: str) -> None:
    ran = harbour(*arguments)
    assert ran.code == code
    assert message in ran.err
    assert "Traceback" not in ran.err
