from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.config import load_settings, render_toml
from ragent.errors import ConfigError, EvalError
from ragent_evals.metrics.retrieval.trec import measure
from ragent_evals.tuning.settings_file import changed, write_settings
from ragent_evals.tuning.weights import GRID, Judged, Weights, fit, ndcg, tune

names = st.sampled_from("abcdefghijklmn")


@given(st.lists(names, unique=True), st.dictionaries(names, st.integers(0, 3), min_size=1))
def test_ndcg_is_that_of_trec_eval(order: list[str], grades: dict[str, int]) -> None:
    run = {"q": {name: float(-rank) for rank, name in enumerate(order)}}
    if any(grades.values()):
        assert ndcg(order, grades) == pytest.approx(
            measure(run, {"q": grades}, 10)["ndcg@10"].value, abs=1e-4
        )


def judged(best: dict[str, float], each: int, noise: float = 0.02) -> Judged:
    """Queries that are best answered at their kind's weight, and worse the further from it."""
    random = np.random.default_rng(1)
    kinds = tuple(kind for kind in best for _ in range(each))
    values = np.array([1 - np.abs(GRID - best[kind]) for kind in kinds])
    return Judged(values + random.normal(0, noise, values.shape), kinds)  # type: ignore[arg-type]


def test_each_kind_gets_the_weight_that_suits_it() -> None:
    weights = fit(judged({"question": 0.7, "short": 0.2}, 400))
    assert weights.of("question") == pytest.approx(0.6, abs=0.15)
    assert weights.of("short") == pytest.approx(0.3, abs=0.15)
    assert weights.of("question") > weights.of("short") + 0.2
    assert weights.of("code") == weights.dense_weight


def test_a_kind_with_few_queries_goes_with_the_others() -> None:
    many, few = judged({"question": 0.7}, 200), judged({"short": 0.1}, 10)
    both = Judged(np.concatenate([many.values, few.values]), many.kinds + few.kinds)
    assert fit(both).dense_weights == {}
    assert fit(both).dense_weight == pytest.approx(0.7, abs=0.1)


def test_the_gain_is_measured_on_queries_that_were_not_fitted() -> None:
    tuned = tune(judged({"question": 0.7}, 200), Weights(0.2))
    assert tuned.gain.low > 0.3
    assert tuned.after.value - tuned.before.value == pytest.approx(tuned.gain.value, abs=1e-3)
    assert tuned.kinds == {"question": 200}
    random = np.random.default_rng(0)
    nothing = tune(Judged(random.random((200, len(GRID))), ("short",) * 200), Weights(0.4))
    assert nothing.gain.low < 0 < nothing.gain.high


def test_a_handful_of_queries_is_refused() -> None:
    with pytest.raises(EvalError, match="too few"):
        tune(judged({"question": 0.7}, 10), Weights(0.2))


VALUES = {"dense_weight": "0.35", "dense_weights": "{question = 0.5}"}


@pytest.mark.parametrize(
    "before",
    [
        "",
        "collection = 'x'\n",
        "[retrieval]\n",
        "[retrieval]\ndense_weight = 0.1 # mine\nrrf_k = 50\n\n[llm]\nseed = 3\n",
        "[llm]\nseed = 3\n\n[retrieval] # how\n# dense_weight = 0.4  # the share\nmode = 'dense'",
        "[embedder]\ndevice = 'cpu'\n[ retrieval ]\nrrf_k = 7\n# a note\n\n[index]\nkind = 'flat'\n",
        render_toml(),
    ],
)
def test_settings_are_changed_and_others_stay(tmp_path: Path, before: str) -> None:
    path = tmp_path / "new" / "ragent.toml"
    if before:
        path.parent.mkdir()
        path.write_text(before)
    write_settings(path, "retrieval", VALUES)
    was, now = tomllib.loads(before), tomllib.loads(path.read_text())
    assert now.pop("retrieval") == was.pop("retrieval", {}) | {
        "dense_weight": 0.35,
        "dense_weights": {"question": 0.5},
    }
    assert {name: section for name, section in now.items() if section} == {n: s for n, s in was.items() if s}
    assert load_settings(path).retrieval.dense_weights == {"question": 0.5}
    assert all(
        line in path.read_text() for line in before.splitlines() if line and "dense_weight" not in line
    )
    assert changed(path.read_text(), "retrieval", VALUES) == path.read_text()


@pytest.mark.parametrize(
    "before", ["= =", "retrieval = {rrf_k = 3}", "[retrieval]\ndense_weights.question = 0.4\n"]
)
def test_a_file_that_cannot_be_changed_stays(tmp_path: Path, before: str) -> None:
    path = tmp_path / "ragent.toml"
    path.write_text(before)
    with pytest.raises(ConfigError):
        write_settings(path, "retrieval", VALUES)
    assert path.read_text() == before
