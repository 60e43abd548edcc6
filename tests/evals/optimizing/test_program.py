"""The program that is improved is `ask` itself, over a set's own texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ragent import Rag
from ragent.errors import EvalError
from ragent.prompts import Example, load_prompt
from ragent_evals.optimizing.budget import Budget
from ragent_evals.optimizing.candidate import Candidate, changed
from ragent_evals.optimizing.improving import JOURNAL, Plan, improve
from ragent_evals.optimizing.program import RagProgram
from ragent_evals.optimizing.proposing import GRID, NAMES, by_model, check_names, in_turn, numbers
from ragent_evals.optimizing.wording import instruction_of
from ragent_evals.sets.case import Case, EvalSet
from ragent_evals.sets.opening import open_set

FACTS = {
    "Lighthouse": ("Ann Lee", "keeper"),
    "Bakery": ("Bob Moor", "baker"),
    "School": ("Cleo Hart", "teacher"),
    "Harbour": ("Dan Frost", "pilot"),
    "Library": ("Eve Stone", "librarian"),
    "Theatre": ("Finn Gale", "director"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set of three questions a text, one of which the text doesn't answer."""
    place = tmp_path / "village"
    place.mkdir()
    texts, questions = [], []
    for number, (name, (person, trade)) in enumerate(FACTS.items()):
        text = (
            f"The {name.lower()} of the village was built in 19{number}2. "
            f"{person} is the {trade} of the {name.lower()} today. It is painted in a bright colour."
        )
        texts.append({"_id": f"t{number}", "title": name, "text": text})
        for asked, answers in (
            (f"Who is the {trade} of the {name.lower()}?", [person]),
            (f"When was the {name.lower()} built?", [f"19{number}2"]),
            (f"How much did the {name.lower()} cost?", []),
        ):
            line = {"id": f"q{len(questions)}", "question": asked, "answers": answers}
            questions.append({**line, "context_id": f"t{number}", "is_impossible": not answers})
    (place / "contexts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in texts))
    (place / "questions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in questions))
    return place


@pytest.fixture
def village(folder: Path) -> EvalSet:
    return open_set(folder)


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with Rag.open(tmp_path / "home", ask={"style": "extract"}, llm={"max_tokens": 8}) as opened:
        yield opened


def halves(of: EvalSet) -> tuple[EvalSet, EvalSet]:
    return replace(of, cases=of.cases[::2]), replace(of, cases=of.cases[1::2])


def test_asking_is_improved_and_goes_on_where_it_was(rag: Rag, village: EvalSet) -> None:
    train, test = halves(village)
    tune = ("k", "dense_weight", "abstain_below")
    found, about = improve(rag, train, test, Plan(Budget(90), tune=tune))
    assert found.asks <= 90
    assert found.test_cases == len(test.cases)
    assert (about.set_name, about.style, about.prompt.name) == ("village", "extract", "answer")
    kept = (rag.home / JOURNAL).read_text()
    assert not [person for person, _ in FACTS.values() if person in kept]
    again, _ = improve(rag, train, test, Plan(Budget(90), tune=tune))
    assert again == found
    assert (rag.home / JOURNAL).read_text() == kept


def test_what_decides_an_answer_is_part_of_its_key(rag: Rag, village: EvalSet, tmp_path: Path) -> None:
    one, other = village.cases[:2]
    with RagProgram(rag, village, tmp_path / "scratch") as program:
        same = program.key(Candidate(), one)
        assert program.key(Candidate(), replace(one, answers=("other",))) == same
        different = [
            program.key(Candidate(), other),
            program.key(Candidate({"ask.k": 3}), one),
            program.key(Candidate(instruction="Sing."), one),
            program.key(Candidate(), replace(one, given=("t1",))),
        ]
    assert len({same, *different}) == 5


def test_given_texts_are_what_is_asked_of(rag: Rag, village: EvalSet, tmp_path: Path) -> None:
    case = replace(village.cases[0], given=("t0",))
    with RagProgram(rag, village, tmp_path / "scratch") as program:
        tried = program.run(Candidate(), case)
        assert {quote.text_id for quote in tried.outcome.quotes} == {"t0"}
        assert tried.quote
        other = program.run(Candidate(), replace(case, given=("t3", "t4")))
        assert {quote.text_id for quote in other.outcome.quotes} <= {"t3", "t4"}
        gone = program.run(Candidate(), replace(case, given=("t99",)))
        assert "t99" in gone.outcome.error


def test_an_example_is_what_the_document_says(rag: Rag, village: EvalSet, tmp_path: Path) -> None:
    with RagProgram(rag, village, tmp_path / "scratch") as program:
        tried = program.run(Candidate(), village.cases[0])
        assert tried.quote
        example = program.example(village.cases[0], tried.quote)
    assert example
    assert "Ann Lee" in example.passages[0]
    assert example.question == village.cases[0].question


def test_other_lengths_of_passages_are_another_collection(rag: Rag, village: EvalSet, tmp_path: Path) -> None:
    with RagProgram(rag, village, tmp_path / "scratch") as program:
        short = program.run(Candidate({"chunking.target_tokens": 12}), village.cases[0])
        program.run(Candidate(), village.cases[0])
    assert short.outcome.text
    assert len(rag.store.collections()) == 2


def test_passages_of_the_collection_in_use_keep_their_length(rag: Rag, tmp_path: Path) -> None:
    own = EvalSet("own", (Case("a", "answer", "Who?", ("Ann",)),), {}, "v", "")
    with (
        RagProgram(rag, own, tmp_path / "scratch") as program,
        pytest.raises(EvalError, match="length of passages"),
    ):
        program.key(Candidate({"chunking.target_tokens": 12}), own.cases[0])


def test_a_model_is_given_the_instruction_and_the_examples_and_the_home_stays(
    rag: Rag, village: EvalSet, tmp_path: Path
) -> None:
    taught = Candidate(
        {"ask.style": "draft", "ask.examples": 1},
        "Name the person.",
        (Example("Who sings?", "Zoe sings.", ("Zoe sings here.",)),),
    )
    with RagProgram(rag, village, tmp_path / "scratch") as program:
        tried = program.run(taught, village.cases[0])
        plain = program.run(Candidate({"ask.style": "draft"}), village.cases[0])
    assert not tried.outcome.error
    assert tried.outcome.cost.prompt_tokens > plain.outcome.cost.prompt_tokens
    assert not (rag.home / "prompts").exists()


@pytest.mark.slow
def test_a_model_proposes_one_plain_sentence(rag: Rag) -> None:
    said = by_model(rag.llm, instruction_of(load_prompt("answer")), 1)
    assert all(line[0].isupper() and line.endswith(".") and "{" not in line for line in said)


def test_only_what_can_be_set_is_tried(rag: Rag) -> None:
    with pytest.raises(EvalError, match="no setting"):
        changed(rag.settings, {"ask.colour": 3})
    with pytest.raises(EvalError, match=r"ask\.k can't be 0"):
        changed(rag.settings, {"ask.k": 0})
    with pytest.raises(EvalError, match="can't be tuned"):
        check_names(["k", "colour"])
    check_names(NAMES)
    candidates = list(numbers(rag.settings, "extract", tuple(GRID)))
    assert all(changed(rag.settings, one.settings) != rag.settings for one in candidates)
    first = in_turn(candidates)[: len({tuple(one.settings) for one in candidates})]
    assert len({tuple(one.settings) for one in first}) == len(first)


def test_a_set_is_not_checked_on_what_it_chose_by(rag: Rag, village: EvalSet) -> None:
    with pytest.raises(EvalError, match="both splits"):
        improve(rag, village, village, Plan(Budget(50)))
