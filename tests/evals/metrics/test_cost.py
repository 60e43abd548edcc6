"""What cases took, and how well a model foresees."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent_evals.metrics.measuring import PerSet
from ragent_evals.metrics.opening import open_metrics
from ragent_evals.outcome import Cost, Outcome
from ragent_evals.sets.case import Case
from tests.evals.metrics.things import NOTHING, of_set, only, value

CASE = Case("c", "answer", "q")
COST = Cost(seconds=2.0, first_token_seconds=0.5, prompt_tokens=100, completion_tokens=8, reused_tokens=60)
PER_CASE = {
    "seconds": 2.0,
    "first_token": 0.5,
    "prompt_tokens": 100,
    "completion_tokens": 8,
    "reused_tokens": 60,
}


def taking(seconds: float, tokens: int = 0) -> Outcome:
    return Outcome("c", cost=Cost(seconds=seconds, completion_tokens=tokens))


@pytest.mark.parametrize("name", PER_CASE)
def test_costs_of_a_case(name: str) -> None:
    assert value(name, CASE, Outcome("c", cost=COST)) == PER_CASE[name]
    assert value(name, CASE, Outcome("c", cost=COST, error="it broke")) is None
    assert only(name).higher_is_better is (name == "reused_tokens")


def test_no_first_token_where_nothing_was_streamed() -> None:
    assert value("first_token", CASE, Outcome("c")) is None


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40))
def test_percentiles(seconds: list[float]) -> None:
    outcomes = [*map(taking, seconds), Outcome("c", cost=Cost(seconds=1e9), error="it broke")]
    cases = [CASE] * len(outcomes)
    values = [of_set(f"seconds_p{percent}").value(cases, outcomes) for percent in (50, 90, 99)]
    assert values == pytest.approx(np.percentile(seconds, [50, 90, 99]).tolist())
    assert values == sorted(values)
    assert of_set("seconds_p50").value(cases[::-1], outcomes[::-1]) == values[0]


def test_throughput_is_of_all_seconds_together() -> None:
    outcomes = [taking(1, 10), taking(3, 10), taking(50), Outcome("c", error="it broke")]
    assert of_set("throughput").value([CASE] * 4, outcomes) == 20 / 4
    assert of_set("throughput").value([CASE], [taking(5)]) is None


def test_perplexity_weighs_tokens_not_cases() -> None:
    sure = Outcome("c", signals={"logprob": 30 * math.log(1 / 2), "tokens": 30})
    unsure = Outcome("c", signals={"logprob": 10 * math.log(1 / 16), "tokens": 10})
    failed = Outcome("c", signals={"logprob": -1e9, "tokens": 1}, error="it broke")
    metric = of_set("perplexity")
    assert metric.value([CASE], [sure]) == pytest.approx(2)
    both = metric.value([CASE] * 4, [sure, unsure, failed, Outcome("c")])
    assert both == pytest.approx(2 ** ((30 * 1 + 10 * 4) / 40))
    assert metric.value([CASE], [Outcome("c")]) is None
    assert metric.value([CASE], [Outcome("c", signals={"logprob": -1e9, "tokens": 1})]) == math.inf
    assert not metric.higher_is_better


def test_the_most_memory() -> None:
    outcomes = [Outcome("c", signals={"memory_bytes": size}) for size in (5e6, 9e6, 7e6)]
    assert of_set("memory").value([CASE] * 3, outcomes) == 9e6
    assert of_set("memory").value([CASE], [Outcome("c")]) is None


def test_to_resample_rows_is_to_resample_cases() -> None:
    outcomes = [taking(float(number), number) for number in range(1, 9)]
    drawn = [7, 1, 1, 0, 5, 5, 5, 2]
    for metric in open_metrics(["seconds_p90", "throughput"], NOTHING):
        assert isinstance(metric, PerSet)
        rows = metric.rows([CASE] * 8, outcomes)
        assert metric.of(rows[drawn]) == metric.value([CASE] * 8, [outcomes[place] for place in drawn])
