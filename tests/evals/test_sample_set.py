"""The harbour set is sound: every quote it names is in its document, on its page, as ragent reads it."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ragent.ingest import parse
from ragent.types import Document, RawDocument
from ragent_evals.agents.calls import problem_of_call
from ragent_evals.sets.opening import open_set

HARBOUR = Path(__file__).parents[2] / "evals" / "sets" / "harbour"
DOCUMENTS = sorted((HARBOUR / "documents").iterdir())
CASES: list[dict[str, Any]] = [
    json.loads(line) for line in (HARBOUR / "questions.jsonl").read_text("utf-8").splitlines()
]
ANSWERABLE = [case for case in CASES if not case["is_impossible"]]
QUOTES = [pytest.param(e, id=f"{case['id']}-{n}") for case in CASES for n, e in enumerate(case["evidence"])]


@cache
def read(name: str) -> Document:
    path = HARBOUR / "documents" / name
    return parse(RawDocument(uri=path.as_uri(), name=name, data=path.read_bytes()))


def spaced(text: str) -> str:
    """The text with every run of white space as one blank."""
    return " ".join(text.split())


def test_documents_are_a_handful_of_mixed_formats() -> None:
    assert 8 <= len(DOCUMENTS) <= 10
    assert {path.suffix for path in DOCUMENTS} == {".md", ".rst", ".txt", ".html", ".pdf", ".docx"}
    assert all(path.stat().st_size < 100_000 for path in DOCUMENTS)


def test_the_pdf_has_pages() -> None:
    pages = read("operations-handbook.pdf").pages
    assert [page.number for page in pages] == list(range(1, 8))


@pytest.mark.parametrize(
    ("source", "document"),
    [
        ("operations-handbook.md", "operations-handbook.pdf"),
        ("board-minutes-2024-03.md", "board-minutes-2024-03.docx"),
    ],
)
def test_made_documents_hold_what_their_sources_say(source: str, document: str) -> None:
    lines = (HARBOUR / "sources" / source).read_text("utf-8").splitlines()
    prose = [line.lstrip("#- ") for line in lines if line.strip("- ") and not line.startswith("|")]
    text = spaced(read(document).text)
    assert [line for line in prose if line not in text] == []


def test_the_web_page_is_read_without_its_surroundings() -> None:
    text = read("price-list.html").text
    assert "A return ticket is" in text
    assert not [word for word in ("cookie", "newsletter", "Imprint", "Sailings today") if word in text]


def test_every_document_is_asked_about() -> None:
    asked = {evidence["document"] for case in CASES for evidence in case["evidence"]}
    assert asked == {path.name for path in DOCUMENTS}


def test_questions_are_enough_and_a_third_are_hard() -> None:
    kinds = Counter(case["slices"]["kind"] for case in CASES)
    assert set(kinds) == {"single", "two-documents", "unanswerable"}
    assert len(CASES) >= 36
    assert kinds["two-documents"] >= 6
    assert kinds["unanswerable"] >= 8
    assert 3 * (kinds["two-documents"] + kinds["unanswerable"]) >= len(CASES)


def test_ids_and_questions_are_unique() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES)
    assert len({case["question"] for case in CASES}) == len(CASES)


def test_unanswerable_questions_have_neither_answer_nor_evidence() -> None:
    unanswerable = [case for case in CASES if case["slices"]["kind"] == "unanswerable"]
    assert unanswerable == [case for case in CASES if case["is_impossible"]]
    assert all(case["answers"] == [] and case["evidence"] == [] for case in unanswerable)
    assert {case["slices"]["near_miss"] for case in unanswerable} == {"yes", "no"}


@pytest.mark.parametrize("case", ANSWERABLE, ids=lambda case: case["id"])
def test_the_kind_tells_how_many_documents_are_needed(case: dict[str, Any]) -> None:
    needed = {evidence["document"] for evidence in case["evidence"]}
    assert len(needed) == {"single": 1, "two-documents": 2}[case["slices"]["kind"]]


@pytest.mark.parametrize("case", ANSWERABLE, ids=lambda case: case["id"])
def test_an_answer_is_a_short_span_of_the_evidence(case: dict[str, Any]) -> None:
    quotes = " ".join(evidence["quote"] for evidence in case["evidence"])
    assert any(answer in quotes for answer in case["answers"])
    assert all(0 < len(answer.split()) <= 9 for answer in case["answers"])


@pytest.mark.parametrize("evidence", QUOTES)
def test_quotes_are_found_where_they_are_said_to_stand(evidence: dict[str, Any]) -> None:
    document = read(evidence["document"])
    assert spaced(evidence["quote"]) in spaced(document.text)
    assert ("page" in evidence) == bool(document.pages)
    if document.pages:
        page = next(page for page in document.pages if page.number == evidence["page"])
        assert spaced(evidence["quote"]) in spaced(document.text[page.start : page.end])


def test_the_answers_of_conversations_stand_in_the_documents() -> None:
    documents = spaced(" ".join(read(path.name).text for path in DOCUMENTS))
    turns = [turn for case in open_set(HARBOUR / "turns.jsonl").cases for turn in case.turns]
    assert len(turns) == 18
    assert [
        turn.question for turn in turns if not turn.is_impossible and turn.answers[0] not in documents
    ] == []


def test_expected_values_obey_their_schemas_and_expected_calls_their_functions() -> None:
    for case in open_set(HARBOUR / "schemas.jsonl").cases:
        Draft202012Validator(case.schema).validate(json.loads(case.answers[0]))
    for case in open_set(HARBOUR / "tools.jsonl").cases:
        offered = {function["name"]: function for function in case.functions}
        for call in case.calls:
            ((name, arguments),) = call.items()
            right = {argument: values[-1] for argument, values in arguments.items()}
            assert problem_of_call(offered[name], right, arguments) == ""
