from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import EvalError
from ragent_evals.outcome import Outcome, Quoted
from ragent_evals.probing.contradicting import changed_answer, changed_text
from ragent_evals.probing.drawing import draw
from ragent_evals.probing.material import Material, gold_of, holds
from ragent_evals.probing.probes import NOISE, PROBES, copy_of, joined, origin_of, paraphrase
from ragent_evals.probing.rephrasing import RULES, keywords
from ragent_evals.probing.table import table
from ragent_evals.sets.case import Case, EvalSet, Text
from ragent_evals.sets.digests import corpus_of, version_of

PEOPLE = ("Ann Lee", "Bob Moor", "Cleo Hart", "Dan Frost")


def material() -> Material:
    texts = {
        f"t{n}": Text(f"Place {n}", f"{name} keeps the place. It is {n} years old.")
        for n, name in enumerate(PEOPLE)
    }
    texts |= {f"x{n}": Text("Else", f"Something else, number {n}.") for n in range(8)}
    cases = [
        Case(
            f"who{n}",
            "answer",
            f"Who keeps the place {n}?",
            (name,),
            relevant={f"t{n}": 1},
            slices={"kind": "who"},
        )
        for n, name in enumerate(PEOPLE)
    ]
    cases.append(Case("old", "answer", "How old is the place?", ("3",), relevant={"t3": 1}))
    of = EvalSet("places", tuple(cases), texts, version_of(cases), corpus_of(texts))
    return Material(of, {case.id: tuple(f"x{n}" for n in range(8)) for case in cases})


def by_level(made: EvalSet) -> dict[str, list[Case]]:
    levels: dict[str, list[Case]] = defaultdict(list)
    for case in made.cases:
        levels[case.slices["level"]].append(case)
    return dict(levels)


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_asks_the_same_cases_at_every_level(name: str) -> None:
    given_ = material()
    made = PROBES[name](given_)
    assert made == PROBES[name](given_)
    levels = by_level(made)
    origins = [[origin_of(case) for case in cases] for cases in levels.values()]
    assert all(each == origins[0] for each in origins)
    assert set(origins[0]) <= {case.id for case in given_.of.cases}
    assert {case.slices["probe"] for case in made.cases} == {name}
    assert len({case.id for case in made.cases}) == len(made.cases)
    assert all(case.slices["kind"] == "who" for case in made.cases if origin_of(case) != "old")
    assert all(text_id in made.texts for case in made.cases for text_id in case.given)


def test_noise_adds_so_many_texts_to_the_right_one() -> None:
    levels = by_level(PROBES["noise"](material()))
    assert [len(cases[0].given) - 1 for cases in levels.values()] == list(NOISE)
    assert all(case.given[0] == gold_of(case) for cases in levels.values() for case in cases)


def test_the_right_text_is_where_the_position_says() -> None:
    levels = by_level(PROBES["position"](material()))
    places = {level: {case.given.index(gold_of(case)) for case in cases} for level, cases in levels.items()}
    assert places == {"position: first": {0}, "position: middle": {2}, "position: last": {4}}
    assert {frozenset(case.given) for case in levels["position: first"]} == {
        frozenset(case.given) for case in levels["position: last"]
    }


def test_without_the_right_text_silence_is_right() -> None:
    levels = by_level(PROBES["rejection"](material()))
    assert not any(case.is_impossible for case in levels["rejection: text there"])
    for before, case in zip(levels["rejection: text there"], levels["rejection: text gone"], strict=True):
        assert case.is_impossible
        assert not case.answers
        assert gold_of(before) not in case.given
        assert len(case.given) == len(before.given)


def test_a_contradiction_says_another_answer_and_nothing_else_is_changed() -> None:
    made = PROBES["contradiction"](material())
    levels = by_level(made)
    for first, last in zip(
        levels["contradiction: right first"], levels["contradiction: wrong first"], strict=True
    ):
        assert first.given[:2] == (gold_of(first), copy_of(first))
        assert last.given[:2] == (copy_of(first), gold_of(first))
        right, wrong = made.texts[gold_of(first)], made.texts[copy_of(first)]
        assert holds(right.text, first.answers)
        assert not holds(wrong.text, first.answers)
        assert len(set(right.text.split()) - set(wrong.text.split())) <= 2
        assert (wrong.origin, right.origin) == (gold_of(first), "")
    assert made.texts["t3~old"].text.endswith("It is 6 years old.")
    given_ = {text_id for case in made.cases for text_id in case.given}
    assert made.texts.keys() == given_
    assert all(made.texts[id_] == text for id_, text in material().of.texts.items() if id_ in given_)


def test_a_set_without_texts_has_no_contradictions() -> None:
    given_ = material()
    bare = EvalSet("bare", given_.of.cases, {}, "v", "")
    with pytest.raises(EvalError, match="no case whose answer could be changed"):
        PROBES["contradiction"](Material(bare, given_.others))


@given(st.integers(0, 10**6))
def test_a_number_becomes_another_of_as_many_digits(number: int) -> None:
    case = Case("a", "answer", "?", (f"in {number}",))
    other = changed_answer(case, [])
    assert other
    assert other != case.answers[0]
    assert len(other) == len(case.answers[0])


def test_words_that_only_begin_like_the_answer_stay() -> None:
    case = Case("a", "answer", "?", ("Ann",))
    text = changed_text(Text("", "Anna met Ann."), case, "Bob")
    assert text == Text("", "Anna met Bob.")
    assert changed_text(Text("", "Anna slept."), case, "Bob") is None


def test_rules_keep_what_a_question_is_about() -> None:
    assert keywords("Who is the keeper of the old lighthouse?") == "keeper old lighthouse"
    assert keywords("What is it?") == "What is it?"
    asked = {name: rule("Who keeps Place 3?") for name, rule in RULES.items()}
    assert len(set(asked.values())) == len(asked)
    assert all("place 3" in text.lower() for text in asked.values())


def test_a_models_words_are_asked_where_it_has_any() -> None:
    made = paraphrase(material(), {"who1": "Tell me who keeps place 1?"})
    assert [case.question for case in by_level(made)["paraphrase: by the model"]] == [
        "Tell me who keeps place 1?"
    ]


def test_the_table_says_what_each_level_costs(tmp_path: Path) -> None:
    made = joined([PROBES["contradiction"](material()), PROBES["rejection"](material())])

    def outcome(case: Case) -> Outcome:
        if case.slices["level"].endswith("wrong first"):
            return Outcome(case.id, "Nobody [1]", quotes=(Quoted(copy_of(case), 0, 3, "…", True),))
        if case.slices["level"].endswith("right first"):
            both = (Quoted(gold_of(case), 0, 3, "…", True), Quoted(copy_of(case), 0, 3, "…", True))
            return Outcome(case.id, f"{case.answers[0]}. [1] [2]", quotes=both)
        if case.is_impossible:
            return Outcome(case.id, "", abstained=True)
        return Outcome(case.id, f"It is {case.answers[0]}.", quotes=(Quoted(gold_of(case), 0, 3, "…", True),))

    rows = {row.level: row for row in table(made.cases, [outcome(case) for case in made.cases])}
    assert list(rows) == ["no conflict", "right first", "wrong first", "text there", "text gone"]
    calm, fair, wrong = rows["no conflict"], rows["right first"], rows["wrong first"]
    assert (calm.right.value, calm.change, calm.both and calm.both.value) == (1.0, None, None)
    assert fair.both
    assert fair.both.value == 1.0
    assert wrong.fooled
    assert wrong.fooled.value == 1.0
    assert wrong.change
    assert wrong.change.value == -1.0
    assert wrong.p == pytest.approx(2 / 2**5)
    assert rows["text gone"].right.value == 1.0
    assert rows["text gone"].answered.value == 0.0
    assert rows["text gone"].cited is None
    draw(list(rows.values()), tmp_path / "probes.png")
    assert (tmp_path / "probes.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(EvalError, match="can't draw"):
        draw(list(rows.values()), tmp_path / "probes.nothing")
