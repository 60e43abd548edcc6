"""Questions that people asked become cases, as well founded as what they said of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ragent import Rag
from ragent_evals.sets.asked import begin_set
from ragent_evals.sets.case import Passage
from ragent_evals.sets.opening import open_set
from ragent_evals.sets.writing import write_lines

TEXT = "The heron stands on one leg at dusk, because that keeps the other one warm.\n"
WHY = "Why does the heron stand on one leg?"


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    (tmp_path / "heron.txt").write_text(TEXT)
    extract = {"style": "extract", "abstain_below": 0.0}
    with Rag.open(tmp_path / "home", ask=extract, trace={"content": True}) as opened:
        opened.ingest(tmp_path / "heron.txt")
        yield opened


def test_a_liked_answer_is_a_case_with_its_passage(rag: Rag, tmp_path: Path) -> None:
    answer = rag.ask(WHY)
    rag.feedback(answer, 1)
    begun = begin_set(rag)
    assert (len(begun.lines), begun.to_label) == (1, 0)
    write_lines(tmp_path / "asked.jsonl", begun.lines)
    (case,) = open_set(tmp_path / "asked.jsonl").cases
    (citation,) = answer.citations
    assert (case.question, case.slices) == (WHY, {"source": "thumbs-up"})
    assert case.answers == (citation.short or citation.quote,)
    assert case.passages == (Passage(citation.uri, citation.quote, citation.start, citation.end),)
    assert case.relevant == {citation.uri: 1}


def test_the_best_founded_of_the_same_questions_counts(rag: Rag) -> None:
    answer = rag.ask(WHY)
    rag.feedback(answer, -1, comment="no")
    rag.feedback(answer, 1)
    asked_again = replace(answer, question="why do herons stand on one leg ?")
    rag.feedback(asked_again, -1, correction="To keep warm.")
    (line,) = begin_set(rag).lines
    assert (line["answers"], line["slices"]) == (["To keep warm."], {"source": "correction"})
    assert line["note"] == "asked 4 times"  # with the trace
    assert "to_label" not in line


def test_questions_that_differ_in_what_they_ask_for_stay_apart(rag: Rag) -> None:
    answer = rag.ask(WHY)
    for question in ("When does the heron stand on one leg?", "Does the heron not stand on one leg?"):
        rag.feedback(replace(answer, question=question), 1)
    assert len(begin_set(rag).lines) == 3


def test_what_nobody_knows_is_marked_and_left_out(rag: Rag, tmp_path: Path) -> None:
    answer = rag.ask(WHY)
    rag.feedback(answer, -1, comment="too long")
    (line,) = begin_set(rag, [-1]).lines
    assert (line["to_label"], line["answers"]) == (True, [])
    assert answer.citations[0].quote[:20] in line["note"]
    assert "too long" in line["note"]
    rag.feedback(replace(answer, question="Who is the heron?", text="Silence.", abstained=True), 1)
    begun = begin_set(rag)
    assert begun.to_label == 1
    write_lines(tmp_path / "asked.jsonl", begun.lines)
    (case,) = open_set(tmp_path / "asked.jsonl").cases
    assert (case.question, case.is_impossible) == ("Who is the heron?", True)


def test_people_who_disagree_are_asked_again(rag: Rag) -> None:
    answer = rag.ask(WHY)
    rag.feedback(answer, 1)
    rag.feedback(replace(answer, text="Silence.", abstained=True, citations=()), 1)
    (line,) = begin_set(rag).lines
    assert line["to_label"]
    assert "disagree" in line["note"]


def test_a_document_that_changed_no_longer_vouches(rag: Rag, tmp_path: Path) -> None:
    rag.feedback(rag.ask(WHY), 1)
    (tmp_path / "heron.txt").write_text(f"Birds.\n{TEXT}")
    rag.ingest(tmp_path / "heron.txt")
    (line,) = begin_set(rag, [1]).lines
    assert line["to_label"]
    assert "changed since" in line["note"]


def test_only_what_is_wanted_is_taken(rag: Rag) -> None:
    answer = rag.ask(WHY)
    rag.feedback(replace(answer, question="Who is warm?"), 1)
    rag.feedback(replace(answer, question="What is cold?"), -1)
    assert [line["question"] for line in begin_set(rag, [1]).lines] == ["Who is warm?"]
    assert len(begin_set(rag).lines) == 3
    assert len(begin_set(rag, limit=2).lines) == 2
    later = datetime.now(UTC) + timedelta(hours=1)
    assert begin_set(rag, since=later).lines == []
