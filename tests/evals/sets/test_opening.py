"""Whatever layout a set comes in, its cases and texts are the same, checked, and parted without overlap."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ragent.errors import EvalError
from ragent_evals.sets.case import Passage, Text, Turn
from ragent_evals.sets.choosing import MADE_SPLITS, balanced, group_of, half_of, split_of
from ragent_evals.sets.opening import open_set

HARBOUR = Path(__file__).parents[3] / "evals" / "sets" / "harbour"
ADA = {"_id": "p0", "title": "Ada", "text": "Ada wrote notes.\nShe wrote them in 1843."}
BOB = {"_id": "p1", "title": "Bob", "text": "Bob sailed to Norway in a small boat."}
WHO = {"id": "1", "question": "Who wrote notes?", "answers": ["Ada"], "context_id": "p0"}


def write(path: Path, *lines: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    return path


def test_squad_and_lines_are_the_same_set(tmp_path: Path) -> None:
    qas = [
        {"id": "1", "question": "Who wrote notes?", "answers": [{"text": "Ada", "answer_start": 0}] * 2},
        {"id": "2", "question": "Why?", "answers": [], "is_impossible": True},
    ]
    squad = {"data": [{"title": "Ada", "paragraphs": [{"context": ADA["text"], "qas": qas}]}]}
    (tmp_path / "dev.json").write_text(json.dumps(squad))
    lines = tmp_path / "lines"
    write(lines / "contexts.jsonl", ADA)
    write(
        lines / "questions.jsonl",
        WHO | {"answer_starts": [0], "title": "Ada"},
        {"id": "2", "question": "Why?", "answers": [], "is_impossible": True, "context_id": "p0"},
    )
    first, second = open_set(tmp_path / "dev.json"), open_set(lines)
    assert first.cases == second.cases
    assert (first.version, first.corpus) == (second.version, second.corpus)
    assert first.cases[0].passages == (Passage("p0", "Ada", 0, 3),)
    assert first.cases[1].is_impossible
    assert first.cases[1].relevant == {"p0": 0}
    assert first.texts == {"p0": Text("Ada", ADA["text"])}
    assert (first.name, second.name) == ("dev", "lines")


def test_where_one_of_several_answers_stands_shows_in_the_text(tmp_path: Path) -> None:
    write(tmp_path / "texts.jsonl", BOB)
    case = {"id": "1", "question": "How?", "answers": ["by boat", "small boat", "small"], "context_id": "p1"}
    write(tmp_path / "cases.jsonl", case | {"answer_starts": [26]})
    assert open_set(tmp_path).cases[0].passages == (Passage("p1", "small boat", 26, 36),)


def test_a_quote_is_found_whatever_its_white_space(tmp_path: Path) -> None:
    write(tmp_path / "texts.jsonl", ADA)
    evidence = [{"document": "p0", "quote": "wrote notes. She wrote", "page": 1}]
    write(tmp_path / "cases.jsonl", {"id": "1", "question": "?", "answers": ["x"], "evidence": evidence})
    (case,) = open_set(tmp_path).cases
    assert case.passages == (Passage("p0", "wrote notes.\nShe wrote", 4, 26),)
    assert case.relevant == {"p0": 1}


def test_beir_keeps_splits_grades_and_answers(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl", ADA, BOB)
    write(
        tmp_path / "queries.jsonl",
        {"_id": "a", "text": "notes", "answer": "Ada", "type": "bridge"},
        {"_id": "b", "text": "boats"},
    )
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\na\tp0\t2\na\tp1\t0\n")
    (tmp_path / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nb\tp1\t1\n")
    both = open_set(tmp_path)
    assert [(case.id, case.kind, case.split) for case in both.cases] == [
        ("a", "retrieval", "test"),
        ("b", "retrieval", "train"),
    ]
    (case,) = open_set(tmp_path, "test").cases
    assert (case.relevant, case.slices) == ({"p0": 2, "p1": 0}, {"type": "bridge"})
    (answered,) = open_set(tmp_path, kind="answer").cases
    assert (answered.id, answered.answers) == ("a", ("Ada",))
    with pytest.raises(EvalError, match="dev") as caught:
        open_set(tmp_path, "dev")
    assert "test, train" in str(caught.value.hint)


def test_a_query_that_two_splits_judge_needs_one_of_them(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl", ADA)
    write(tmp_path / "queries.jsonl", {"_id": "a", "text": "notes"})
    (tmp_path / "qrels").mkdir()
    for split in ("graded", "test"):
        (tmp_path / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\na\tp0\t1\n")
    with pytest.raises(EvalError, match="two cases") as caught:
        open_set(tmp_path)
    assert "graded, test" in str(caught.value.hint)
    assert len(open_set(tmp_path, "graded").cases) == 1


def test_a_byte_order_mark_and_hidden_files_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "ada.txt").write_text("Ada wrote notes.\n")
    (tmp_path / "documents" / ".DS_Store").write_bytes(b"\0\1")
    case = {"id": "1", "question": "Who?", "answers": ["Ada"], "context_id": "ada.txt"}
    (tmp_path / "cases.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(case).encode() + b"\r\n")
    assert list(open_set(tmp_path).texts) == ["ada.txt"]


def test_tools_schemas_and_references_are_recognised(tmp_path: Path) -> None:
    function = {"name": "area", "description": "", "parameters": {"type": "dict", "properties": {}}}
    call = {"id": "simple_1", "question": [[{"role": "user", "content": "Area?"}]], "function": [function]}
    write(tmp_path / "calls.jsonl", call | {"ground_truth": [{"area": {}}]}, call | {"id": "irrelevance_1"})
    right, none = open_set(tmp_path / "calls.jsonl").cases
    assert (right.kind, right.question, right.calls, none.calls) == ("tools", "Area?", ({"area": {}},), ())
    write(tmp_path / "lost.jsonl", call)
    with pytest.raises(EvalError, match=r"line 1.*ground_truth"):
        open_set(tmp_path / "lost.jsonl")

    write(tmp_path / "schemas" / "schemas.jsonl", {"id": "s", "schema": {"type": "object"}, "valid": [{}]})
    (schema,) = open_set(tmp_path / "schemas").cases
    assert (schema.kind, schema.schema) == ("schema", {"type": "object"})

    reference = {"content": "Bob sailed", "start_index": 0, "end_index": 10}
    write(
        tmp_path / "chunks" / "questions.jsonl",
        {"_id": "k", "question": "Who?", "corpus_id": "bob", "references": [reference]},
    )
    (tmp_path / "chunks" / "corpora").mkdir()
    (tmp_path / "chunks" / "corpora" / "bob.md").write_text(str(BOB["text"]))
    (found,) = open_set(tmp_path / "chunks").cases
    assert (found.kind, found.passages) == ("retrieval", (Passage("bob", "Bob sailed", 0, 10),))


def test_a_conversation_ends_with_its_question(tmp_path: Path) -> None:
    turns = [{"question": "Who sailed?", "answers": ["Bob"]}, {"question": "Why?", "answers": []}]
    write(tmp_path / "turns.jsonl", {"id": "1", "turns": turns})
    (case,) = open_set(tmp_path / "turns.jsonl").cases
    assert (case.kind, case.question) == ("turns", "Why?")
    assert case.turns == (Turn("Who sailed?", ("Bob",)), Turn("Why?", (), is_impossible=True))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"question": "?", "answers": ["x"]}, "'id' is a required property"),
        (WHO | {"answers": "Ada"}, "line 1, answers"),
        (WHO | {"anwsers": []}, "anwsers"),
        (WHO | {"is_impossible": True}, "yet it has answers"),
        (WHO | {"answers": [], "is_impossible": False}, "has no answers"),
        ({"id": "1", "question": "?"}, "has no answers"),
        ({"id": "1", "question": "?", "is_impossible": True, "relevant": {"p0": 1}}, "relevant names a text"),
        ({"id": "1", "question": "?", "relevant": {"p0": 0}, "kind": "retrieval"}, "nothing is relevant"),
        (WHO | {"relevant": {"p0": -1}}, "relevant/p0"),
        (WHO | {"relevant": {"p9": 1}}, "'p9' is not among"),
        (WHO | {"passages": [{"text_id": "p0", "quote": "Bob"}]}, "'Bob' doesn't stand in 'p0'"),
        (WHO | {"passages": [{"text_id": "p0", "quote": "Ada", "start": 1, "end": 4}]}, "1 to 4 of 'p0'"),
        ({"id": "1", "turns": [{"question": "?", "answers": []}, {"question": "?"}]}, "turns/1"),
        ({"id": "1", "kind": "tools", "question": "?"}, "'functions' is a required property"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, line: Mapping[str, Any], problem: str) -> None:
    write(tmp_path / "texts.jsonl", ADA)
    path = write(tmp_path / "cases.jsonl", line)
    with pytest.raises(EvalError, match=r"cases\.jsonl, line 1") as caught:
        open_set(path)
    assert problem in str(caught.value)


def test_ids_must_differ(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="two cases have the id '1'"):
        open_set(write(tmp_path / "cases.jsonl", WHO, WHO))
    write(tmp_path / "texts.jsonl", ADA, ADA)
    with pytest.raises(EvalError, match="a second text 'p0'"):
        open_set(write(tmp_path / "cases.jsonl", WHO))


@pytest.mark.parametrize("content", ["", "{", "[1]\n", "{}\n", '{"a": 1}\n', "\xff"])
def test_what_is_no_set_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "cases.jsonl").write_bytes(content.encode("latin-1"))
    for path in (tmp_path, tmp_path / "cases.jsonl", tmp_path / "missing.jsonl"):
        with pytest.raises(EvalError):
            open_set(path)


def test_cases_to_be_labelled_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "cases.jsonl", WHO, {"id": "2", "question": "Why?", "to_label": True})
    assert [case.id for case in open_set(path).cases] == ["1"]
    with pytest.raises(EvalError, match="1 wait to be labelled"):
        open_set(write(path, {"id": "2", "question": "Why?", "to_label": True}))


def test_articles_are_in_one_split_each(tmp_path: Path) -> None:
    texts = [{"_id": f"p{n}", "title": f"Article {n // 3}", "text": f"It is {n}."} for n in range(60)]
    write(tmp_path / "contexts.jsonl", *texts)
    asked = [{"id": f"{n}", "question": "?", "answers": [f"{n}"], "context_id": f"p{n}"} for n in range(60)]
    write(tmp_path / "questions.jsonl", *asked)
    whole = open_set(tmp_path)
    parts = [open_set(tmp_path, split) for split in MADE_SPLITS]
    assert sorted(case.id for part in parts for case in part.cases) == sorted(c.id for c in whole.cases)
    groups = [{group_of(case, part.texts) for case in part.cases} for part in parts]
    assert not groups[0] & groups[1]
    assert [{case.split for case in part.cases} for part in parts] == [{split} for split in MADE_SPLITS]
    assert len({part.version for part in (whole, *parts)}) == 3
    assert len(open_set(tmp_path, limit=7).cases) == 7
    halves = [half_of(whole, half) for half in (0, 1)]
    assert sorted(case.id for half in halves for case in half) == sorted(case.id for case in whole.cases)


def test_a_set_of_one_group_has_no_second_split(tmp_path: Path) -> None:
    write(tmp_path / "texts.jsonl", ADA)
    path = write(tmp_path / "cases.jsonl", WHO)
    (other,) = set(MADE_SPLITS) - {split_of("Ada")}
    assert len(open_set(path, split_of("Ada")).cases) == 1
    with pytest.raises(EvalError, match="same group"):
        open_set(path, other)


def test_the_harbour_set_brings_its_documents() -> None:
    harbour = open_set(HARBOUR)
    assert (len(harbour.cases), len(harbour.texts)) == (68, 10)
    for case in harbour.cases:
        for passage in case.passages:
            text = harbour.texts[passage.text_id].text
            assert text[passage.start : passage.end] == passage.quote
    some = balanced(harbour.cases, 20)
    assert sum(case.is_impossible for case in some) == 10
    assert len(open_set(HARBOUR, kind="retrieval").cases) == 53
    with pytest.raises(EvalError, match="no cases of kind tools"):
        open_set(HARBOUR, kind="tools")
