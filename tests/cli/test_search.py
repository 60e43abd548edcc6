from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli.conftest import DOCUMENTS, Ragent

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


def test_filters_confine_and_documents_come_once(harbour: Ragent) -> None:
    policy = DOCUMENTS / "ticket-and-refund-policy.md"
    ran = harbour("search", "tide and refund", "--filter", f"path={policy}", "--filter", "page!=3", "--json")
    assert ran.code == 0, ran.err
    assert len(ran.json["hits"]) > 1
    assert {hit["uri"] for hit in ran.json["hits"]} == {policy.as_uri()}
    assert ran.json["plan"]["filter"]["matching"] >= len(ran.json["hits"])
    assert not any("explanation" in hit for hit in ran.json["hits"])
    each = harbour("search", "tide and refund", "--by-document", "-k", "4", "--json").json["hits"]
    assert len({hit["uri"] for hit in each}) == len(each) == 4
    either = '{"or": [{"media_type": "application/pdf"}, {"not": {"uri": {"prefix": "file:"}}}]}'
    found = harbour("search", "tide", "--filter", either, "--json").json["hits"]
    assert {hit["uri"].rpartition(".")[2] for hit in found} == {"pdf"}


def test_hits_say_why(harbour: Ragent) -> None:
    ran = harbour("search", "refund of a cancelled ticket", "-k", "1", "--explain", "--json")
    why = ran.json["hits"][0]["explanation"]
    assert set(why) >= {"dense", "keyword", "fused", "terms", "fusion", "stages"}
    assert {"refund", "cancelled", "ticket"} <= set(why["terms"])
    plain = harbour("search", "refund of a cancelled ticket", "-k", "1", "--explain").out
    assert why["fusion"] in plain
    assert "meaning: cosine" in plain


def test_an_answer_is_confined_too(harbour: Ragent) -> None:
    ran = harbour("ask", "Who gets a refund?", "--filter", "media_type=none", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["abstained"]


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
        (["search", "tide", "--filter", "year~2020"], 1, "can't understand the filter 'year~2020'"),
        (["search", "tide", "--filter", '{"year": {"$gt": 1}}'], 1, "operators: =, !=, <"),
        (["search", "tide", "--rerank", "magic"], 2, "unknown reranker 'magic'"),
        (["search", "tide", "--technique", "magic"], 2, "unknown technique 'magic'"),
        (["search", "--queries", "none.jsonl", "--run", "out.trec"], 1, "none.jsonl"),
    ],
)
def test_what_is_wrong_is_said(harbour: Ragent, arguments: list[str], code: int, message: str) -> None:
    ran = harbour(*arguments)
    assert ran.code == code
    assert message in ran.err
    assert "Traceback" not in ran.err
