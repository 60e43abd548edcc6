from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Any

import numpy as np
import pytest

from ragent.errors import EvalError
from ragent_evals.comparing import check, compare, gate_of_all, shared_set_metrics
from ragent_evals.comparing.costs import COST_METRICS
from ragent_evals.comparing.pairs import slices_of
from ragent_evals.estimates import Estimate
from ragent_evals.metrics.measuring import PerSet
from ragent_evals.metrics.metric import MetricContext
from ragent_evals.outcome import Cost, Outcome
from ragent_evals.sets.case import Case
from tests.evals.keeping import case, kept

A = kept({"f1": [0.5] * 20, "noise": [0.2] * 20})


def better(by: float, **changed: Any) -> Any:
    return kept({"f1": [0.5 + by] * 20, "noise": [0.2] * 20}, "second", **changed)


def test_a_gain_of_every_case_is_told_with_its_interval_and_p() -> None:
    found = compare(A, better(0.25)).metrics[0]
    assert (found.metric, found.slice, found.cases) == ("f1", "", 20)
    assert (found.before, found.after, found.difference) == (0.5, 0.75, 0.25)
    assert (found.low, found.high) == (0.25, 0.25)
    assert found.p == pytest.approx(1e-4)
    assert found.corrected_p == pytest.approx(2e-4)
    assert (found.won, found.lost, found.verdict) == (20, 0, "better")


def test_lower_is_better_where_the_run_says_so() -> None:
    down = frozenset({"f1"})
    comparison = compare(replace(A, lower_is_better=down), better(0.25, lower_is_better=down))
    found = comparison.metrics[0]
    assert (found.gain, found.won, found.lost, found.verdict) == (-0.25, 0, 20, "worse")
    assert comparison.losses == (found,)
    assert comparison.changed[0].gain == -0.25


def test_a_run_beside_itself_differs_in_nothing() -> None:
    comparison = compare(A, A)
    assert {one.p for one in (*comparison.metrics, *comparison.slices)} == {1.0}
    assert not comparison.changed
    assert not comparison.configuration


def test_cases_are_paired_by_id_and_not_by_place() -> None:
    values = np.random.default_rng(0).random(20).tolist()
    a = kept({"f1": values})
    b = kept({"f1": values[::-1]}, cases=a.cases[::-1], outcomes=a.outcomes[::-1])
    assert compare(a, b).metrics[0].difference == 0
    assert not compare(a, b).changed


def test_cases_of_which_a_metric_says_nothing_in_one_run_are_not_compared() -> None:
    a, b = kept({"f1": [0.5, None, 0.5, 1.0]}), kept({"f1": [1.0, 1.0, None, 1.0]})
    found = compare(a, b).metrics[0]
    assert (found.cases, found.difference) == (2, 0.25)


def test_slices_have_figures_of_their_own_and_a_correction_over_all_of_them() -> None:
    values = [0.5 + (0.25 if number % 2 else 0.0) for number in range(20)]
    comparison = compare(A, kept({"f1": values, "noise": [0.2] * 20}))
    even, odd = (
        next(one for one in comparison.slices if one.slice == f"source={name}") for name in ("even", "odd")
    )
    assert (even.difference, odd.difference, odd.cases) == (0, 0.25, 10)
    assert odd.p == 2 / 2**10
    assert odd.corrected_p == pytest.approx(4 * odd.p)


def test_a_slice_that_all_cases_are_of_is_no_slice() -> None:
    same = [case(number, slices={"source": "all", "hard": str(number)}) for number in range(2)]
    assert list(slices_of(same)) == ["hard=0", "hard=1"]


def test_changed_cases_come_largest_first() -> None:
    b = kept({"f1": [0.5, 0.9, 0.1, 0.6] + [0.5] * 16, "noise": [0.2] * 20})
    changed = compare(A, b).changed
    assert [one.case_id for one in changed] == ["case-001", "case-002", "case-003"]
    assert [round(one.gain, 6) for one in changed] == [0.4, -0.4, 0.1]


def test_costs_are_ratios_of_medians() -> None:
    slow = tuple(
        replace(one, cost=replace(one.cost, seconds=one.cost.seconds * 2, reused_tokens=0))
        for one in A.outcomes
    )
    costs = {one.name: one for one in compare(A, better(0, outcomes=slow)).costs}
    assert (costs["seconds"].ratio, costs["seconds"].before, costs["seconds"].after) == (2, 3, 6)
    assert (costs["seconds"].low, costs["seconds"].high) != (None, None)
    assert costs["reused_tokens"].ratio == 0
    assert costs["completion_tokens"].ratio == 1


def test_a_cost_that_was_nothing_before_has_no_ratio() -> None:
    free = tuple(replace(one, cost=Cost(seconds=1)) for one in A.outcomes)
    costs = {one.name: one for one in compare(replace(A, outcomes=free), better(0)).costs}
    assert costs["prompt_tokens"].ratio is None
    assert "first_token_seconds" not in costs


def test_settings_that_differ_are_named() -> None:
    b = better(0, configuration={"k": 6, "llm": {"model": "other", "seed": 1}})
    assert compare(A, b).configuration == {
        "llm.model": ("smollm2-135m", "other"),
        "llm.seed": (None, 1),
    }


def test_metrics_of_one_run_alone_are_listed() -> None:
    assert compare(A, kept({"f1": [0.5] * 20, "em": [0.0] * 20})).left_out == ("em", "noise")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": "v2"}, "cases of their sets differ"),
        ({"corpus": "c2"}, "texts that they were asked of differ"),
        ({"split": "train"}, "splits differ"),
        ({"finished_at": None, "total": 30}, "isn't finished: 20 of 30"),
    ],
)
def test_runs_that_say_nothing_of_each_other_are_refused(changed: dict[str, Any], said: str) -> None:
    for pair in ((A, better(0, **changed)), (better(0, **changed), A)):
        with pytest.raises(EvalError, match=said) as refused:
            compare(*pair)
        assert refused.value.hint


def test_runs_of_other_cases_of_the_same_set_are_refused() -> None:
    with pytest.raises(EvalError, match="20 and 19 cases"):
        compare(A, kept({"f1": [0.5] * 19}))


class ShareAnswered:
    """The share of cases answered, as a figure of the whole set."""

    name = "answered"
    higher_is_better = True

    def value(self, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> float | None:
        return sum(not one.abstained for one in outcomes) / len(cases)


def test_figures_of_a_whole_set_are_resampled_and_swapped() -> None:
    silent = tuple(replace(one, abstained=number < 12) for number, one in enumerate(A.outcomes))
    comparison = compare(A, better(0, outcomes=silent), [ShareAnswered()])
    found = comparison.metrics[-1]
    assert (found.metric, found.before, found.after) == ("answered", 1, 0.4)
    assert -0.85 < found.low < -0.6 < found.high < -0.3
    assert found.p < 0.005
    assert found.verdict == "worse"
    # All 12 cases moved one way: exactly 2 of the 2 ** 12 swaps reach that far.
    assert found.p == pytest.approx(2 / 2**12, abs=0.002)


def test_figures_that_need_a_few_numbers_of_a_case_agree_with_those_that_see_it_whole() -> None:
    rows = PerSet(
        "answered",
        ("answer",),
        lambda _, outcome: None if outcome.case_id == "case-003" else (float(not outcome.abstained),),
        lambda rows: float(rows.mean()),
    )
    silent = tuple(replace(one, abstained=number < 12) for number, one in enumerate(A.outcomes))
    found = compare(A, better(0, outcomes=silent), [rows]).metrics[-1]
    assert (found.before, found.after) == (1, 8 / 19)
    assert found.p == pytest.approx(2 / 2**11, abs=0.002)
    assert found.verdict == "worse"


def test_a_figure_that_a_run_does_not_have_is_left_out() -> None:
    nothing = PerSet("none", ("answer",), lambda *_: None, lambda rows: 1.0)
    assert [one.metric for one in compare(A, better(0), [nothing]).metrics] == ["f1", "noise"]


def test_costs_are_corrected_apart_and_have_neither_slices_nor_changed_cases() -> None:
    a = kept({"f1": [0.5] * 20, "seconds": [1.0] * 20})
    b = kept({"f1": [0.75] * 20, "seconds": [2.0] * 20})
    lower = frozenset({"seconds"})
    comparison = compare(replace(a, lower_is_better=lower), replace(b, lower_is_better=lower))
    assert [one.corrected_p for one in comparison.metrics] == [1e-4, 1e-4]
    assert [one.metric for one in comparison.losses] == ["seconds"]
    assert {one.metric for one in (*comparison.slices, *comparison.changed)} == {"f1"}
    assert not check(gate_of_all(comparison), comparison)


def test_metrics_of_cost_are_those_that_are_registered_as_such() -> None:
    points = entry_points(group="ragent.metrics")
    assert {one.name for one in points if one.module.startswith("ragent_evals.metrics.cost.")} == COST_METRICS


def test_shared_figures_of_whole_sets_are_found_by_name() -> None:
    with_area = replace(A, metrics={**A.metrics, "aurc": Estimate(0.1, 0.0, 0.2), "gone": Estimate(0, 0, 0)})
    context = MetricContext({}, embedder=pytest.fail, llm=pytest.fail)
    assert [one.name for one in shared_set_metrics([with_area, with_area], context)] == ["aurc"]
    assert not shared_set_metrics([with_area, A], context)
