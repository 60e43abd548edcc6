"""Probes of `ask` itself, over texts of a set, in the style that needs no language model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ragent import Rag
from ragent.errors import EvalError
from ragent_evals.probing.material import gold_of, narrowed
from ragent_evals.probing.probes import origin_of
from ragent_evals.probing.run import ProbeOptions, probe
from ragent_evals.running.reading import read_kept
from ragent_evals.sets.case import EvalSet
from ragent_evals.sets.opening import open_set

TRADES = ("keeper", "baker", "teacher", "pilot", "librarian", "director", "gardener")
PEOPLE = ("Ann Lee", "Bob Moor", "Cleo Hart", "Dan Frost", "Eve Stone", "Finn Gale", "Gus Park")


@pytest.fixture
def village(tmp_path: Path) -> EvalSet:
    folder = tmp_path / "village"
    folder.mkdir()
    texts, questions = [], []
    for number, (trade, person) in enumerate(zip(TRADES, PEOPLE, strict=True)):
        text = f"The house of the {trade} is old. {person} is the {trade} of the village, and likes the work."
        texts.append({"_id": f"t{number}", "title": trade.title(), "text": text})
        question = f"Who is the {trade} of the village?"
        questions.append(
            {"id": f"q{number}", "question": question, "answers": [person], "context_id": f"t{number}"}
        )
    questions.append(
        {"id": "no", "question": "Who is mayor?", "answers": [], "context_id": "t0", "is_impossible": True}
    )
    (folder / "contexts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in texts))
    (folder / "questions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in questions))
    return open_set(folder)


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with Rag.open(tmp_path / "home", ask={"style": "extract"}) as opened:
        yield opened


def test_probes_are_run_kept_and_the_same_again(rag: Rag, village: EvalSet) -> None:
    options = ProbeOptions(cases=3, by_model=False)
    found = probe(rag, village, options)
    rows = {(row.probe, row.level): row for row in found.rows}
    assert len(rows) == 4 + 2 + 3 + 3 + 4
    assert all(row.cases == 3 for row in found.rows)
    assert rows["noise", "0 others"].right.value == 1.0
    assert rows["paraphrase", "as asked"].found
    both = rows["contradiction", "right first"]
    assert both.answered.value == 1.0
    assert len(found.runs) == 2
    assert probe(rag, village, options).rows == found.rows


def test_a_probe_or_case_that_there_is_not_is_said(rag: Rag, village: EvalSet) -> None:
    with pytest.raises(EvalError, match="no probe 'colour'"):
        probe(rag, village, ProbeOptions(("colour",)))
    silent = EvalSet("silent", village.cases[-1:], village.texts, "v", village.corpus)
    with pytest.raises(EvalError, match="no answerable case"):
        probe(rag, silent, ProbeOptions(("noise",)))


def test_few_texts_are_those_that_answer_and_some_others(rag: Rag, village: EvalSet) -> None:
    probe(rag, village, ProbeOptions(("noise",), cases=2, texts=3))
    (own,) = rag.store.collections()
    assert len(rag.store.known_documents(own.id)) == 3
    few = narrowed(village, 2, 3)
    assert {gold_of(case) for case in few.cases} <= few.texts.keys()
    assert narrowed(village, 3, 2).texts.keys() == {gold_of(case) for case in narrowed(village, 3, 2).cases}
    with pytest.raises(EvalError, match="brings no texts"):
        narrowed(replace(village, texts={}), 2, 3)


def test_a_changed_copy_is_forgotten_with_its_original(rag: Rag, village: EvalSet) -> None:
    found = probe(rag, village, ProbeOptions(("contradiction",), cases=3))
    before = read_kept(rag.store, found.runs[0])
    text_id = gold_of(before.cases[0])
    says = "likes the work"
    copies = {uri for uri in _documents(rag) if uri.startswith(f"set:{text_id}~")}
    assert copies
    report = rag.forget(f"set:{text_id}")
    assert {uri for _, uri in report.forgotten} == {f"set:{text_id}", *copies}
    assert report.proof.found == ()
    assert report.proof.stretches > 1
    assert not any(uri.startswith(f"set:{text_id}") for uri in _documents(rag))
    after = read_kept(rag.store, found.runs[0])
    for case, was, outcome in zip(after.cases, before.outcomes, after.outcomes, strict=True):
        if origin_of(case) == origin_of(before.cases[0]):
            assert says in was.text
            assert (outcome.text, outcome.quotes, case.question) == ("", (), "")


def _documents(rag: Rag) -> set[str]:
    return {uri for one in rag.store.collections() for uri in rag.store.known_documents(one.id)}
