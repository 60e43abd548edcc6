from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragent import Rag
from ragent.errors import ConfigError
from ragent.rag.judged import cited
from ragent.store.feedback import list_feedback

TEXT = "The heron stands on one leg at dusk, because that keeps the other one warm.\n"
QUESTION = "Why does the heron stand on one leg?"


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    (tmp_path / "heron.txt").write_text(TEXT)
    with Rag.open(tmp_path / "home", ask={"style": "extract", "abstain_below": 0.0}) as opened:
        opened.ingest(tmp_path / "heron.txt")
        yield opened


def test_what_was_thought_of_an_answer_is_kept_without_its_quotes(rag: Rag, tmp_path: Path) -> None:
    answer = rag.ask(QUESTION)
    id_ = rag.feedback(answer, -1, comment="Too long.", correction="To keep warm.")
    with rag.store.reading() as connection:
        (row,) = list_feedback(connection, "default")
    assert (row.id, row.question, row.rating) == (id_, QUESTION, -1)
    assert (row.comment, row.correction) == ("Too long.", "To keep warm.")
    uri = (tmp_path / "heron.txt").as_uri()
    assert row.answer["read"] == [uri]
    (citation,) = answer.citations
    assert citation.quote not in json.dumps(row.answer["citations"])
    (found,) = cited(row.answer, {uri: TEXT})
    assert (found.uri, found.quote) == (uri, citation.quote)
    assert TEXT[found.start : found.end] == found.quote
    assert cited(row.answer, {uri: f"Note. {TEXT}"}) == []
    assert cited(row.answer, {}) == []


def test_forgetting_the_document_forgets_what_was_thought(rag: Rag, tmp_path: Path) -> None:
    rag.feedback(rag.ask(QUESTION), 1)
    report = rag.forget(str(tmp_path / "heron.txt"))
    assert report.proof.found == ()
    with rag.store.reading() as connection:
        assert list_feedback(connection, "default") == []


def test_a_rating_is_one_of_three(rag: Rag) -> None:
    with pytest.raises(ConfigError, match="5 is no rating"):
        rag.feedback(rag.ask(QUESTION), 5)
