from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragent import Rag
from ragent.errors import EvalError
from ragent_evals.sets.opening import open_set
from ragent_evals.synthesis.journal import Journal
from ragent_evals.synthesis.synthesizing import Wishes, synthesize

TEXTS = {
    "dues.md": "# Dues\n\nThe repair of the linkspan cost EUR 48,600 last year. "
    "A monthly pass for Aldersay costs EUR 142.00 for residents of the island.",
    "history.md": "# History\n\nMirren Oake built the granite bridge over the northern channel. "
    "The linkspan was handed back to the ferry on 2 December 2023.",
    "staff.md": "# Staff\n\nThe harbour archive was given to Mirren Oake in 1998 by the engineer's widow.",
}
WISHES = Wishes(cases=4, two_document=0.25, unanswerable=0.25)


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    folder = tmp_path_factory.mktemp("synthesis")
    texts = folder / "texts"
    texts.mkdir()
    for name, text in TEXTS.items():
        (texts / name).write_text(text)
    with Rag.open(folder / "home", llm={"threads": 1, "speculate": "off"}) as rag:
        rag.ingest(texts)
        yield rag


@pytest.fixture(scope="module")
def written(rag: Rag) -> Path:
    out = rag.home.parent / "set.jsonl"
    synthesize(rag, out, WISHES)
    return out


def test_a_set_opens_and_its_quotes_are_verbatim(rag: Rag, written: Path) -> None:
    cases = open_set(written).cases
    texts = {uri: text for _, (uri, _, text) in rag.store.document_texts()}
    quoted = [(case, passage) for case in cases for passage in case.passages]
    assert quoted
    for case, passage in quoted:
        assert texts[passage.text_id][passage.start : passage.end] == passage.quote
        assert case.answers[0] in " ".join(case.passages[-1].quote.split())
        assert {"source", "difficulty", "hops", "answer"} <= case.slices.keys()


def test_a_stopped_run_goes_on_to_the_same_set(rag: Rag, written: Path, tmp_path: Path) -> None:
    out = tmp_path / "set.jsonl"

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize(rag, out, WISHES, stop)
    progress = out.with_name("set.jsonl.progress")
    assert not out.exists()
    with progress.open("a") as file:
        file.write('{"key": "plain 9')  # as a kill would leave it
    synthesize(rag, out, WISHES)
    assert out.read_bytes() == written.read_bytes()
    assert not progress.exists()


def test_documents_without_statements_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words without any end")
    with Rag.open(tmp_path / "home") as rag:
        rag.ingest(tmp_path / "a.txt")
        with pytest.raises(EvalError, match="no sentence"):
            synthesize(rag, tmp_path / "set.jsonl", Wishes())


def test_a_journal_of_other_wishes_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.progress"
    with Journal(path, {"seed": 1}) as journal:
        journal.add({"key": "one", "case": None})
    with Journal(path, {"seed": 1}) as journal:
        assert list(journal.entries) == ["one"]
    with Journal(path, {"seed": 2}) as journal:
        assert not journal.entries
    assert json.loads(path.read_text().splitlines()[0]) == {"seed": 2}
