from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragent import Rag
from ragent.errors import EvalError
from ragent_evals.sets.case import Case
from ragent_evals.sets.opening import open_set
from ragent_evals.synthesis.journal import Journal
from ragent_evals.synthesis.synthesizing import Wishes, synthesize

TEXTS = {
    "dues.md": "# Dues\n\nThe repair of the linkspan at Aldersay cost EUR 48,600 last year. "
    "A monthly pass for Aldersay costs EUR 142.00 for residents in Skerrin. "
    "The tide gauge stands on the Pier Light.",
    "history.md": "# History\n\nMirren Oake built the granite bridge over the northern channel. "
    "The linkspan was handed back to the ferry on 2 December 2023. "
    "The Pier Light was first lit on 3 October 1831 with colza oil.",
    "staff.md": "# Staff\n\nThe harbour archive was given to Mirren Oake in 1998 by the engineer's widow. "
    "Signe Hald received the silver medal of the lifeboat in 2004.",
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


def test_each_sort_is_among_them(rag: Rag, written: Path) -> None:
    cases = open_set(written).cases
    (two, *_) = [case for case in cases if case.slices["hops"] == "2"]
    assert len({passage.text_id for passage in two.passages}) == 2
    assert all(name not in two.question for name in ("Pier Light", "Mirren Oake"))
    assert any(case.is_impossible and not case.passages for case in cases)


KILLED = """
import os, signal, sys
from pathlib import Path
from ragent import Rag
from ragent_evals.synthesis.synthesizing import Wishes, synthesize

home, out, kept = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

def kill(done, total):
    if done == kept:
        os.kill(os.getpid(), signal.SIGKILL)

with Rag.open(home, llm={"threads": 1, "speculate": "off"}) as rag:
    synthesize(rag, out, Wishes(cases=4, two_document=0.25, unanswerable=0.25), kill)
"""


def _sort(case: Case) -> str:
    if case.is_impossible:
        return "unanswerable"
    return "two documents" if len(case.passages) == 2 else "one document"


@pytest.mark.parametrize("sort", ["two documents", "unanswerable"])
def test_a_killed_run_goes_on_to_the_same_set(rag: Rag, written: Path, tmp_path: Path, sort: str) -> None:
    out = tmp_path / "set.jsonl"
    sorts = [_sort(case) for case in open_set(written).cases]
    kept = sorts.index(sort) + 1
    command = [sys.executable, "-c", KILLED, str(rag.home), str(out), str(kept)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not out.exists()
    progress = out.with_name("set.jsonl.progress")
    about, *lines = progress.read_text().splitlines()
    noted = [json.loads(line) for line in lines]
    assert noted[-1]["sort"] == sort
    for entry in noted:
        if entry["case"]:  # tried again, it would lose the mark
            entry["case"]["slices"]["mark"] = "noted"
    progress.write_text("\n".join([about, *map(json.dumps, noted), '{"key": "unanswerable 9']))
    synthesize(rag, out, WISHES)
    cases = open_set(out).cases
    assert [case.id for case in cases] == [case.id for case in open_set(written).cases]
    assert [case.slices.get("mark") for case in cases].count("noted") == kept
    assert not progress.exists()


def test_a_set_is_not_written_into_the_home(rag: Rag) -> None:
    with pytest.raises(EvalError, match="lies in the home"):
        synthesize(rag, rag.home / "sets" / "set.jsonl", WISHES)
    assert not (rag.home / "sets").exists()


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
