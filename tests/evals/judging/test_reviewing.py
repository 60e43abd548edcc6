from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from ragent.errors import EvalError, LLMError, StoreError
from ragent.store import Store
from ragent_evals.judging.answered import Answered, answers_of, read_answers, with_labels
from ragent_evals.judging.criteria import CRITERIA
from ragent_evals.judging.reviewing import judge_all
from ragent_evals.outcome import Found
from tests.evals.judging.making import Thinker, keep_run
from tests.making import FINGERPRINT, new_document

CORRECT = CRITERIA["correct"]
HARBOUR = Path(__file__).parents[3] / "evals" / "sets" / "harbour-judged" / "answers.jsonl"


def answers(count: int, *, known: float) -> list[Answered]:
    """Half of them right; the judge of `knowing` is told of a share of them."""
    chance = random.Random(3)
    made = []
    for number in range(count):
        right = chance.random() < 0.5
        hint = right if chance.random() < known else chance.random() < 0.5
        answer = f"{'sure' if hint else 'unsure'} {number}"
        made.append(Answered(str(number), "What?", answer, "this", label="yes" if right else "no"))
    return made


def knowing(prompt: str, text: str) -> float:
    p = 0.6 if " sure" in prompt else 0.2 if " unsure" in prompt else 0.5
    return math.log(p if text == "Yes" else 1 - p)


def test_a_judge_that_knows_is_calibrated_on_labels_it_did_not_see() -> None:
    cases = answers(60, known=0.9)
    told: list[int] = []
    judged, found = judge_all(CORRECT.open(Thinker(knowing)), CORRECT, cases, told.append)
    assert told == list(range(1, 61))
    assert len(judged) == sum(found.verdicts.values()) == 60
    assert found.is_calibrated
    assert found.fit
    assert (found.fit.labels, found.fit.after.cases) == (30, 30)
    assert found.fit.threshold
    assert 0.2 < found.fit.threshold < 0.6
    assert "beyond chance" in found.trust


def test_a_judge_that_guesses_is_never_called_calibrated() -> None:
    _, found = judge_all(CORRECT.open(Thinker(knowing)), CORRECT, answers(60, known=0.0), lambda _: None)
    assert found.fit
    assert not found.is_calibrated
    assert "not calibrated" in found.trust


def test_without_labels_nothing_is_claimed_and_few_labels_fit_nothing() -> None:
    unlabelled = [Answered(one.id, one.question, one.answer, "this") for one in answers(20, known=1)]
    _, found = judge_all(CORRECT.open(Thinker(knowing)), CORRECT, unlabelled, lambda _: None)
    assert (found.agreement, found.fit, found.is_calibrated) == (None, None, False)
    assert "nobody knows" in found.trust
    _, few = judge_all(CORRECT.open(Thinker(knowing)), CORRECT, answers(20, known=1), lambda _: None)
    assert few.fit is None
    assert few.agreement


def test_one_answer_that_can_not_be_judged_does_not_stop_the_others() -> None:
    def fails(prompt: str, text: str) -> float:
        if "bad" in prompt:
            raise LLMError("the engine fell over")
        return 0.0

    cases = [
        Answered("1", "What?", "bad", "this"),
        Answered("2", "What?", "fine", "this"),
        Answered("3", "What?", "fine"),
    ]
    judged, found = judge_all(CORRECT.open(Thinker(fails)), CORRECT, cases, lambda _: None)
    assert [one.error for one in judged] == ["the engine fell over", "", "it has no reference"]
    assert found.failed == 2
    with pytest.raises(EvalError, match="it has no reference"):
        judge_all(CORRECT.open(Thinker()), CORRECT, cases[2:], lambda _: None)
    with pytest.raises(EvalError, match="label of '1'"):
        judge_all(
            CORRECT.open(Thinker()), CORRECT, [Answered("1", "?", "a", "b", label="hm")], lambda _: None
        )


def test_answers_are_read_from_a_file_and_labels_from_another(tmp_path: Path) -> None:
    file, labels = tmp_path / "answers.jsonl", tmp_path / "labels.jsonl"
    lines: list[dict[str, Any]] = [
        {"id": 1, "question": "Q", "answer": "A", "reference": ["x", "y"], "passages": ["p", {"text": "q"}]},
        {"id": "2", "question": "Q", "answer": "A", "label": True},
    ]
    file.write_text("\n\n".join(map(json.dumps, lines)))
    found = read_answers(file)
    assert found == [
        Answered("1", "Q", "A", "x / y", ("p", "q")),
        Answered("2", "Q", "A", label=True),
    ]
    labels.write_text('{"id": "1", "label": "no"}')
    assert [one.label for one in with_labels(found, labels)] == ["no", True]
    labels.write_text('{"id": "7", "label": "no"}')
    with pytest.raises(EvalError, match="no label for any"):
        with_labels(found, labels)
    for text, problem in (('{"id": 1}', "no 'question'"), ("[]", "not an object"), ("{", "line 1")):
        file.write_text(text)
        with pytest.raises(EvalError, match=problem):
            read_answers(file)


def test_answers_of_a_kept_run_come_with_the_passages_that_still_stand(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        store.write(collection, [new_document("file:///a", ["The ferry costs four euros."])])
        found = [Found("file:///a", 1.0, 4, 9, "ferry"), Found("file:///gone", 1.0, 0, 3, "The")]
        keep_run(store, "r1", "small", {"one": "Four euros.", "two": "", "three": "?"}, found=found)
        run = answers_of(store, "small")
        assert (run.id, run.arena, run.collection, run.silent) == ("r1", "tiny-v1", "default", 1)
        assert [one.id for one in run.answers] == ["one", "three"]
        assert run.answers[0] == Answered("one", "What about one?", "Four euros.", "right one", ("ferry",))
        with pytest.raises(StoreError):
            answers_of(store, "none")


def test_the_answers_judged_by_hand_are_sound() -> None:
    found = read_answers(HARBOUR)
    assert len({one.id for one in found}) == 40
    assert [CORRECT.verdict_of(one.label) for one in found].count("Yes") == 21
    assert all(one.reference and one.passages for one in found)
