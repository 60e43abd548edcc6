from __future__ import annotations

import json
from pathlib import Path

from ragent import Rag
from ragent.rag.exemplars import forget_examples

SECRET = "The vault of the old bank is opened by Ann Lee every Monday morning."


def line(question: str, answer: str, *passages: str) -> str:
    return json.dumps({"question": question, "answer": answer, "passages": list(passages)}) + "\n"


def test_examples_from_a_forgotten_text_go_and_the_others_stay_as_they_are(tmp_path: Path) -> None:
    own = '{"question": "Who sings?", "answer": "Zoe"}\n'
    other = line("When?", "Monday", "It rains every Monday morning.")
    from_it = line("Who?", "Ann Lee", "opened by Ann Lee every Monday")
    answer = line("What?", "every Monday morning")
    path = tmp_path / "answer.examples.jsonl"
    path.write_text(own + from_it + other + answer + "no JSON\n")
    forget_examples(tmp_path, [SECRET])
    assert path.read_text() == own + other + "no JSON\n"


def test_a_short_answer_that_stands_in_a_text_by_chance_is_no_trace_of_it(tmp_path: Path) -> None:
    path = tmp_path / "answer.examples.jsonl"
    path.write_text(line("Who?", "Ann Lee"))
    before = path.stat().st_ino
    forget_examples(tmp_path, [SECRET])
    assert path.read_text() == line("Who?", "Ann Lee")
    assert path.stat().st_ino == before


def test_a_home_without_prompts_has_nothing_to_forget(tmp_path: Path) -> None:
    forget_examples(tmp_path / "prompts", [SECRET])


def test_forgetting_a_document_forgets_the_examples_from_it(tmp_path: Path) -> None:
    (tmp_path / "bank.txt").write_text(SECRET)
    (tmp_path / "park.txt").write_text("The park is open to all until the sun has set.")
    with Rag.open(tmp_path / "home") as rag:
        rag.ingest(tmp_path / "bank.txt", tmp_path / "park.txt")
        path = rag.home / "prompts" / "answer.examples.jsonl"
        path.parent.mkdir()
        path.write_text(line("Who?", "Ann Lee", SECRET) + line("When?", "until the sun has set"))
        report = rag.forget(tmp_path / "bank.txt")
    assert report.proof.found == ()
    assert path.read_text() == line("When?", "until the sun has set")
