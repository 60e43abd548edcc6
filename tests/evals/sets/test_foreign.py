"""Sets of others, as they come and written in our own layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import EvalError
from ragent_evals.sets.case import Case, EvalSet, Passage, Text
from ragent_evals.sets.choosing import MADE_SPLITS, group_of, split_of
from ragent_evals.sets.digests import corpus_of, version_of
from ragent_evals.sets.lines import Line, case_line, check_case, read_case
from ragent_evals.sets.opening import open_set
from ragent_evals.sets.writing import write_set

HOTPOT: list[dict[str, Any]] = [
    {
        "_id": "a",
        "question": "Where was the engineer of the mole born?",
        "answer": "Selkie",
        "type": "bridge",
        "level": "hard",
        "context": [
            ["Mole", ["Pell built the mole.", " It took years."]],
            ["Pell", ["Pell was born in Selkie."]],
        ],
        "supporting_facts": [["Mole", 0], ["Pell", 0]],
    },
    {
        "_id": "b",
        "question": "Who built the mole?",
        "answer": "Pell",
        "context": [["Mole", ["Pell built the mole.", " It took years."]], ["Pell", ["Another Pell sang."]]],
        "supporting_facts": [["Mole", 0]],
    },
]
RGB: dict[str, Any] = {
    "id": 7,
    "query": "When was the light lit?",
    "answer": [["1831", "in 1831"], "October"],
    "positive": ["It was lit in October 1831.", "In October 1831 it shone."],
    "negative": [f"Light {n} is white." for n in range(6)],
}
FACT = RGB | {"positive_wrong": ["It was lit in May 1900."], "fakeanswer": "1900"}


def test_hotpot_questions_share_a_corpus(tmp_path: Path) -> None:
    path = tmp_path / "hotpot.json"
    path.write_text(json.dumps(HOTPOT))
    found = open_set(path)
    assert set(found.texts) == {"Mole", "Pell", "Pell (2)"}
    first, second = found.cases
    assert (first.kind, first.answers, first.relevant) == ("answer", ("Selkie",), {"Mole": 1, "Pell": 1})
    assert first.slices == {"type": "bridge", "level": "hard"}
    assert first.passages[0] == Passage("Mole", "Pell built the mole.", 0, 20)
    assert found.texts["Mole"] == Text("Mole", "Pell built the mole. It took years.")
    assert second.relevant == {"Mole": 1}


def test_hubs_lay_out_hotpot_and_squad_in_lists(tmp_path: Path) -> None:
    lists = [
        line
        | {
            "context": {"title": ["Mole", "Pell"], "sentences": [part for _, part in line["context"]]},
            "supporting_facts": {
                "title": [title for title, _ in line["supporting_facts"]],
                "sent_id": [place for _, place in line["supporting_facts"]],
            },
        }
        for line in HOTPOT
    ]
    versions = []
    for name, lines in (("theirs.jsonl", HOTPOT), ("hub.jsonl", lists)):
        (tmp_path / name).write_text("\n".join(map(json.dumps, lines)))
        versions.append(open_set(tmp_path / name).version)
    assert versions[0] == versions[1]

    flat = {"title": "Mole", "context": "Pell built the mole.", "question": "Who?"}
    answered = flat | {"id": "a", "answers": {"text": ["Pell", "Pell"], "answer_start": [0, 0]}}
    silent = flat | {"id": "b", "answers": {"text": [], "answer_start": []}}
    (tmp_path / "squad.jsonl").write_text("\n".join(map(json.dumps, [answered, silent])))
    found = open_set(tmp_path / "squad.jsonl")
    (text,) = found.texts
    assert [case.passages for case in found.cases] == [(Passage(text, "Pell", 0, 4),), ()]
    assert [case.is_impossible for case in found.cases] == [False, True]


def test_rgb_tries_each_ability_with_texts_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "en_fact.json"
    path.write_text(json.dumps(FACT) + "\n")
    found = open_set(path)
    by = {case.slices["ability"]: case for case in found.cases}
    assert set(by) == {"clean", "noise", "rejection", "counterfactual"}

    def texts(ability: str) -> list[str]:
        return [found.texts[id_].text for id_ in by[ability].given]

    assert texts("clean") == RGB["positive"]
    assert set(texts("noise")) == {*RGB["positive"], *RGB["negative"][:3]}
    assert texts("rejection") == RGB["negative"][:5]
    assert texts("counterfactual") == FACT["positive_wrong"]
    assert by["clean"].answers == ("1831, October", "in 1831, October")
    assert (by["rejection"].is_impossible, by["rejection"].answers) == (True, ())
    assert by["counterfactual"].answers == by["clean"].answers
    path.write_text(json.dumps(RGB))
    assert len(open_set(path).cases) == 3


@pytest.mark.parametrize("lines", [HOTPOT, [FACT]])
def test_an_imported_set_is_the_same_set(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    path = tmp_path / "theirs.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    theirs = open_set(path)
    write_set(theirs, tmp_path / "ours")
    ours = open_set(tmp_path / "ours")
    assert ours == replace(theirs, name="ours")
    with pytest.raises(EvalError, match="isn't empty"):
        write_set(theirs, tmp_path / "ours")


@pytest.mark.parametrize(
    "line", [HOTPOT[0] | {"context": 3}, HOTPOT[0] | {"context": [["Mole"]]}, RGB | {"positive": 1}]
)
def test_a_line_of_another_form_is_named(tmp_path: Path, line: dict[str, Any]) -> None:
    path = tmp_path / "theirs.jsonl"
    path.write_text(json.dumps(line))
    with pytest.raises(EvalError, match=r"theirs\.jsonl, line 1: not as (HotpotQA|RGB) has it"):
        open_set(path)


words = st.text("abc xyz\n\u2028é", min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
names = st.text("abcdef", min_size=1, max_size=3)
flags = st.booleans()


@st.composite
def answer_cases(draw: st.DrawFn, ids: Mapping[str, Text]) -> Case:
    """Cases with an answer in a text, or without any."""
    about = draw(st.sampled_from(sorted(ids)))
    impossible = draw(flags)
    text = ids[about].text
    start = draw(st.integers(0, len(text) - 1))
    end = draw(st.integers(start + 1, len(text)))
    return Case(
        id=draw(names),
        kind="answer",
        question=draw(words),
        answers=() if impossible else tuple(draw(st.lists(words, min_size=1, max_size=3))),
        is_impossible=impossible,
        relevant={about: 0 if impossible else draw(st.integers(0, 3))},
        passages=() if impossible else (Passage(about, text[start:end], start, end),),
        given=tuple(draw(st.lists(st.sampled_from(sorted(ids)), max_size=2))),
        slices=draw(st.dictionaries(names, words, max_size=2)),
        split=draw(st.sampled_from(["", "train", "test"])),
    )


@st.composite
def eval_sets(draw: st.DrawFn) -> EvalSet:
    texts = draw(st.dictionaries(names, st.builds(Text, names, words), min_size=1, max_size=4))
    drawn = draw(st.lists(answer_cases(texts), min_size=1, max_size=6, unique_by=lambda case: case.id))
    return EvalSet("drawn", tuple(drawn), texts, version_of(drawn), corpus_of(texts))


@given(drawn=eval_sets())
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, drawn: EvalSet) -> None:
    folder = tmp_path_factory.mktemp("set") / "drawn"
    write_set(drawn, folder)
    assert open_set(folder) == drawn


@given(drawn=eval_sets(), shuffle=st.randoms(use_true_random=False))
def test_the_version_is_of_what_a_set_holds(drawn: EvalSet, shuffle: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            items = [(name, shuffled(part)) for name, part in value.items()]
            shuffle.shuffle(items)
            return dict(items)
        return value

    cases = [
        read_case(Line("here", json.loads(json.dumps(shuffled(case_line(c)), indent=1)))) for c in drawn.cases
    ]
    for case in cases:
        check_case(case, "here")
    shuffle.shuffle(cases)
    assert version_of(cases) == drawn.version
    assert version_of([replace(case, split="other") for case in cases]) == drawn.version
    assert version_of([replace(cases[0], question=f"{cases[0].question}?"), *cases[1:]]) != drawn.version
    assert corpus_of(shuffled(dict(drawn.texts))) == drawn.corpus
    longer = {id_: Text(text.title, f"{text.text}.") for id_, text in drawn.texts.items()}
    assert corpus_of(longer) != drawn.corpus


@given(drawn=eval_sets())
def test_no_group_lies_in_two_splits(drawn: EvalSet) -> None:
    parts: dict[str, set[str]] = {split: set() for split in MADE_SPLITS}
    for case in drawn.cases:
        group = group_of(case, drawn.texts)
        parts[split_of(group)].add(group)
    assert not parts["train"] & parts["test"]


def test_splits_take_about_half_of_many_groups() -> None:
    share = sum(split_of(f"article {n}") == "train" for n in range(2000)) / 2000
    assert 0.46 < share < 0.54
