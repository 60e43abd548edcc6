"""Metrics by name, and what is told about them."""

from __future__ import annotations

from typing import get_args

import pytest

from ragent.errors import ConfigError, EvalError
from ragent.registry import names
from ragent_evals.metrics.metric import Metric, SetMetric
from ragent_evals.metrics.opening import default_metrics, known_metrics, open_metrics
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case, Kind
from tests.evals.metrics.things import NOTHING

EVERY = names("ragent.metrics")


def test_names_are_kept_in_order_and_once() -> None:
    wanted = ["f1", "ndcg@5", "recall@100", "f1", "ndcg@5", "map"]
    assert [each.name for each in open_metrics(wanted, NOTHING)] == ["f1", "ndcg@5", "recall@100", "map"]


@pytest.mark.parametrize(
    "name", ["ndcg@0", "ndcg@", "ndcg@ten", "ndcg@-1", "ndcg@1.5", "ndcg@²", "f1@3", "map@10"]
)
def test_numbers_must_make_sense(name: str) -> None:
    with pytest.raises(EvalError):
        open_metrics([name], NOTHING)


@pytest.mark.parametrize("name", ["nonsense", "nonsense@10", "@10", ""])
def test_an_unknown_name_is_told_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError) as told:
        open_metrics([name], NOTHING)
    assert "token_recall" in (told.value.hint or "")


@pytest.mark.parametrize("kind", get_args(Kind))
def test_defaults_can_be_opened_and_have_a_say(kind: Kind) -> None:
    defaults = default_metrics(kind)
    assert [each.name for each in open_metrics(defaults, NOTHING)] == list(defaults)
    kinds = {each.name: each.kinds for each in known_metrics()}
    kinds["recall@100"] = kinds["recall@10"]
    assert all(kind in kinds[name] for name in defaults)


@pytest.mark.parametrize("name", EVERY)
def test_every_metric_is_one_and_tells_of_itself(name: str) -> None:
    (metric,) = open_metrics([name], NOTHING)
    assert isinstance(metric, Metric) is not isinstance(metric, SetMetric)
    assert metric.name.partition("@")[0] == name
    (described,) = (each for each in known_metrics() if each.name == metric.name)
    assert described.summary.endswith(".")
    assert described.higher_is_better is metric.higher_is_better


@pytest.mark.parametrize("name", EVERY)
def test_no_metric_has_a_say_about_nothing(name: str) -> None:
    (metric,) = open_metrics([name], NOTHING)
    if isinstance(metric, Metric):
        assert list(metric.values([], [])) == []
        kinds = get_args(Kind)
        values = metric.values(
            [Case("c", kind, "q") for kind in kinds], [Outcome("c", error="it broke")] * len(kinds)
        )
        assert set(values) <= {None, 0.0}
    else:
        assert metric.value([], []) is None
