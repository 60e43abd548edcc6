from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragent.errors import EvalError
from ragent_evals.metrics.matching import measure_matching
from ragent_evals.sets.pairs import read_pairs

NAMES = ["amber lantern", "brass kettle", "copper drill", "damask tent", "ebony fan", "flint heater"]


def write(path: Path, *, honest: bool) -> None:
    """Each name against each, from two shops; without honesty, the labels are the wrong way round."""
    with path.open("w", encoding="utf-8") as file:
        for a, left in enumerate(NAMES * 3):
            for b, right in enumerate(NAMES * 3):
                same = a == b
                case = {"left": {"name": f"{left} {a}"}, "right": {"name": f"{b} {right}", "price": None}}
                file.write(json.dumps(case | {"label": int(same == honest)}) + "\n")


def test_labels_are_counted_with_and_not_looked_at(tmp_path: Path) -> None:
    write(tmp_path / "honest.jsonl", honest=True)
    write(tmp_path / "wrong.jsonl", honest=False)
    honest, wrong = (measure_matching(read_pairs(tmp_path / f"{name}.jsonl")) for name in ("honest", "wrong"))
    assert honest["f1"].value > 0.9
    assert honest["f1"].low <= honest["f1"].value <= honest["f1"].high
    assert wrong["precision"].value < 0.1


def test_records_are_told_apart_once(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", honest=True)
    pairs = read_pairs(tmp_path / "a.jsonl")
    assert (len(pairs.lefts), len(pairs.rights), len(pairs.pairs), sum(pairs.labels)) == (18, 18, 324, 18)
    assert pairs.rights[0] == {"name": "0 amber lantern", "price": ""}


@pytest.mark.parametrize("text", ["", "[1]\n", '{"left": {}, "right": {}}\n', "no json\n"])
def test_what_is_no_set_of_pairs_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(EvalError):
        read_pairs(tmp_path / "a.jsonl")
