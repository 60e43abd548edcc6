from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragent.errors import EvalError
from ragent.types import Item
from ragent_evals.sets.beir import BeirSource, parse_line, read_beir, uri_of

CORPUS = [
    {"_id": "a b", "title": "Refunds", "text": "A manager approves refunds over the limit."},
    {"_id": "cats", "title": "", "text": "Cats sleep on warm roofs."},
    {"_id": "title-only", "title": "Harbour fees", "text": ""},
    {"_id": "empty", "title": "", "text": "  "},
]
QUERIES = [{"_id": "q1", "text": "who approves refunds"}, {"_id": "q2", "text": "where do cats sleep"}]
QRELS = ["q1\ta b\t2", "q1\tcats\t0", "q2\tcats\t1"]


def make(folder: Path, *, corpus: list[str] | None = None, qrels: list[str] = QRELS) -> Path:
    (folder / "qrels").mkdir(parents=True)
    lines = [json.dumps(document) for document in CORPUS] if corpus is None else corpus
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "queries.jsonl").write_text("".join(json.dumps(query) + "\n" for query in QUERIES))
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *qrels]) + "\n")
    return folder


def test_reads_a_set(tmp_path: Path) -> None:
    beir = read_beir(make(tmp_path / "tiny"), "test")
    assert (beir.name, beir.split) == ("tiny", "test")
    assert beir.queries == {"q1": "who approves refunds", "q2": "where do cats sleep"}
    assert beir.qrels == {"q1": {"a b": 2, "cats": 0}, "q2": {"cats": 1}}


def test_only_judged_queries_with_something_relevant_count(tmp_path: Path) -> None:
    beir = read_beir(make(tmp_path, qrels=["q1\tcats\t0", "q2\tcats\t1"]), "test")
    assert list(beir.queries) == ["q2"]


def test_the_content_hash_is_of_the_corpus(tmp_path: Path) -> None:
    one, same = (read_beir(make(tmp_path / name), "test").content_hash for name in "ab")
    other = read_beir(make(tmp_path / "c", corpus=[json.dumps(CORPUS[0]), json.dumps(CORPUS[1])]), "test")
    assert one == same != other.content_hash


def test_documents_of_the_source(tmp_path: Path) -> None:
    source = BeirSource(read_beir(make(tmp_path), "test"))
    assert source.empty == 1
    documents = [parse_line(source.load(item)) for item in source.items()]
    assert [(document.uri, document.title, document.text) for document in documents] == [
        ("beir:a%20b", "Refunds", "A manager approves refunds over the limit."),
        ("beir:cats", "", "Cats sleep on warm roofs."),
        ("beir:title-only", "Harbour fees", "Harbour fees"),
    ]
    assert uri_of("a b") == "beir:a%20b"


def test_versions_change_with_the_document(tmp_path: Path) -> None:
    def items(name: str, line: str) -> list[Item]:
        corpus = [json.dumps(CORPUS[0]), line]
        return list(BeirSource(read_beir(make(tmp_path / name, corpus=corpus), "test")).items())

    old = items("old", '{"_id": "cats", "text": "cats sleep"}')
    new = items("new", '{"_id": "cats", "text": "cats play"}')
    assert old[0] == new[0]
    assert old[1].uri == new[1].uri
    assert old[1].version != new[1].version


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"text": "no id"}',
        '{"_id": 7, "text": "x"}',
        '{"_id": "x", "text": ["y"]}',
        '{"_id": "cats"}',
    ],
)
def test_a_line_that_is_no_document_is_named(tmp_path: Path, line: str) -> None:
    folder = make(tmp_path, corpus=[json.dumps(document) for document in CORPUS] + [line])
    with pytest.raises(EvalError, match=r"corpus\.jsonl, line 5"):
        read_beir(folder, "test")


@pytest.mark.parametrize(
    "row", ["q1 cats 1", "q1\tcats", "q1\tcats\tyes", "q1\tcats\t-1", "q9\tcats\t1", "q1\tdogs\t1"]
)
def test_a_row_that_is_no_judgement_is_named(tmp_path: Path, row: str) -> None:
    with pytest.raises(EvalError, match=r"test\.tsv, line 3") as caught:
        read_beir(make(tmp_path, qrels=["q1\tcats\t1", row]), "test")
    assert caught.value.hint


def test_an_unknown_split_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="no split 'dev'") as caught:
        read_beir(make(tmp_path), "dev")
    assert "test" in caught.value.hint


def test_folders_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    empty = make(tmp_path / "empty", corpus=[""])
    nothing_relevant = make(tmp_path / "nothing", qrels=["q1\tcats\t0"])
    for folder in (tmp_path / "none", tmp_path / "gone", empty, nothing_relevant):
        with pytest.raises(EvalError):
            read_beir(folder, "test")
