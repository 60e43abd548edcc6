from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragent.errors import EvalError
from ragent_evals.metrics.graph import measure_extraction
from ragent_evals.sets.facts import read_facts

HARBOUR = Path(__file__).parents[3] / "evals" / "sets" / "harbour"


def write(folder: Path, **changed: Any) -> Path:
    (folder / "a.txt").write_text("Ada Brandt founded\nNordwind Works. Jonas Falk met Elm Hall.\n", "utf-8")
    line = {
        "document": "a.txt",
        "quote": "Ada Brandt founded Nordwind Works.",
        "entities": ["Ada Brandt", "Nordwind Works"],
        "relations": [["Ada Brandt", "founded", "Nordwind Works"]],
    }
    (folder / "facts.jsonl").write_text(json.dumps(line | changed) + "\n", "utf-8")
    return folder / "facts.jsonl"


def measured(folder: Path, **changed: Any) -> dict[str, float]:
    passages = read_facts(write(folder, **changed), folder)
    return {name: estimate.value for name, estimate in measure_extraction(passages).items()}


def test_only_the_passage_counts(tmp_path: Path) -> None:
    assert set(measured(tmp_path).values()) == {1.0}


def test_what_is_found_besides_is_wrong_and_what_is_not_is_missed(tmp_path: Path) -> None:
    found = measured(
        tmp_path, entities=["Ada Brandt", "The Works"], relations=[["Ada Brandt", "sold", "Elm"]]
    )
    assert found == {
        "entity_precision": 0.5,
        "entity_recall": 0.5,
        "relation_precision": 0,
        "relation_recall": 0,
    }


def test_the_direction_of_a_relation_counts(tmp_path: Path) -> None:
    turned = measured(tmp_path, relations=[["Nordwind Works", "founded", "Ada Brandt"]])
    assert turned["relation_precision"] == 0


@pytest.mark.parametrize(
    "changed", [{"quote": "Nobody was there."}, {"quote": " "}, {"document": "b.txt"}, {"relations": [["a"]]}]
)
def test_what_is_no_annotated_passage_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(EvalError):
        read_facts(write(tmp_path, **changed), tmp_path)


def test_the_facts_of_the_harbour_are_sound_and_read_well() -> None:
    passages = read_facts(HARBOUR / "facts.jsonl", HARBOUR / "documents")
    for one in passages:
        said = " ".join(one.text[one.start : one.end].split())
        assert all(name in said for name in one.entities)
        assert all({source, target} <= set(one.entities) for source, _, target in one.relations)
    assert sum(len(one.relations) for one in passages) >= 30
    found = measure_extraction(passages)
    assert found["entity_precision"].value > 0.9
    assert found["entity_recall"].value > 0.9
    assert found["relation_precision"].value > 0.8
    assert found["relation_recall"].value > 0.5
