"""Whether support tells what can be answered, and what is right."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent_evals.metrics.abstention.certainty import (
    Bin,
    RiskPoint,
    area_under_risk,
    reliability,
    risk_coverage,
)
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case
from tests.evals.metrics.things import of_set, value

ABLE = Case("able", "answer", "q", ("dawn",))
UNABLE = Case("unable", "answer", "q", is_impossible=True)
SUPPORTS = [0.0, 0.1, 0.25, 0.5, 0.9, 1.0]
Pairs = Sequence[tuple[Case, Outcome]]


def right(support: float | None) -> Outcome:
    return Outcome("c", "dawn", support=support)


def wrong(support: float) -> Outcome:
    return Outcome("c", "dusk", support=support)


def withheld(support: float) -> Outcome:
    return Outcome("c", "no answer", abstained=True, support=support)


FAILED = Outcome("c", error="it broke")
pairs = st.lists(
    st.tuples(
        st.sampled_from([ABLE, UNABLE]),
        st.one_of(
            st.sampled_from(SUPPORTS).flatmap(
                lambda support: st.sampled_from([right(support), wrong(support), withheld(support)])
            ),
            st.just(FAILED),
        ),
    ),
    min_size=1,
    max_size=30,
)


def of(name: str, some: Pairs) -> float | None:
    return of_set(name).value([case for case, _ in some], [outcome for _, outcome in some])


def test_whether_to_answer() -> None:
    for case, outcome, wanted in [
        (ABLE, wrong(0.3), 1),
        (ABLE, withheld(0.3), 0),
        (UNABLE, withheld(0.3), 1),
        (UNABLE, right(0.3), 0),
        (UNABLE, FAILED, 0),
        (ABLE, FAILED, 0),
        (Case("c", "answer", "q"), right(0.3), None),
    ]:
        assert value("abstention_accuracy", case, outcome) == wanted
    assert [value("answered", ABLE, each) for each in (wrong(0.1), withheld(0.9), FAILED)] == [1, 0, 0]


@settings(deadline=None)
@given(pairs)
def test_auroc_is_scikit_learns(some: Pairs) -> None:
    from sklearn.metrics import roc_auc_score

    sure = [(case, outcome) for case, outcome in some if not outcome.error]
    labels = [not case.is_impossible for case, _ in sure]
    found = of("auroc_answerable", sure)
    if len(set(labels)) < 2:
        assert found is None
    else:
        theirs = roc_auc_score(labels, [outcome.support for _, outcome in sure])
        assert found == pytest.approx(theirs, abs=1e-12)


def test_auroc_of_errors_is_the_worst_there_is() -> None:
    assert of("auroc_answerable", [(ABLE, FAILED), (UNABLE, withheld(0.0))]) == 0
    assert of("auroc_answerable", [(ABLE, right(1.0)), (UNABLE, FAILED)]) == 0
    assert of("auroc_answerable", [(ABLE, right(1.0)), (ABLE, right(None)), (UNABLE, withheld(0.2))]) == 1


@settings(deadline=None)
@given(pairs, st.randoms(use_true_random=False))
def test_figures_are_bounded_and_have_no_order(some: Pairs, order: random.Random) -> None:
    shuffled = list(some)
    order.shuffle(shuffled)
    for name in ("auroc_answerable", "aurc", "ece"):
        found = of(name, some)
        assert found == (None if found is None else pytest.approx(of(name, shuffled), abs=1e-12))
        assert found is None or -1e-12 <= found <= 1 + 1e-12


def test_the_risk_by_hand() -> None:
    some = [(ABLE, right(0.9)), (UNABLE, wrong(0.8)), (ABLE, right(0.7)), (ABLE, withheld(0.99))]
    assert of("aurc", some) == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)
    points = risk_coverage(*zip(*some, strict=True))
    assert points == (
        RiskPoint(0.25, 0, 0.9),
        RiskPoint(0.5, 0.5, 0.8),
        RiskPoint(0.75, 1 / 3, 0.7),
        RiskPoint(1, 0.5, float("-inf")),
    )


def test_withholding_is_right_where_nothing_answers_and_errors_are_wrong() -> None:
    assert of("aurc", [(UNABLE, withheld(0.9))]) == 0
    assert of("aurc", [(ABLE, withheld(0.9))]) == 1
    assert of("aurc", [(UNABLE, FAILED)]) == 1
    assert of("aurc", [(ABLE, right(None))]) is None
    assert risk_coverage([ABLE], [right(None)]) == ()


def test_ties_are_the_mean_of_all_their_orders() -> None:
    tied = np.array([[0.5, 1.0], [0.5, 0.0], [0.5, 0.0]])
    orders = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    areas = [np.mean(np.cumsum(order) / np.arange(1, 4)) for order in orders]
    assert area_under_risk(tied) == pytest.approx(np.mean(areas))


@settings(deadline=None)
@given(pairs)
def test_the_curve_ends_at_the_share_of_wrong_cases(some: Pairs) -> None:
    points = risk_coverage(*zip(*some, strict=True))
    wrongs = sum(
        not ((outcome.abstained if case.is_impossible else outcome.text == "dawn") and not outcome.error)
        for case, outcome in some
    )
    assert points[-1].coverage == 1
    assert points[-1].risk == pytest.approx(wrongs / len(some))
    coverages = [point.coverage for point in points]
    assert coverages == sorted(set(coverages))


def test_calibration_by_hand() -> None:
    some = [
        *((ABLE, right(0.95)), (ABLE, right(1.0)), (UNABLE, wrong(0.9))),
        *((ABLE, wrong(0.05)), (ABLE, withheld(0.6)), (ABLE, FAILED)),
    ]
    bins = reliability(*zip(*some, strict=True))
    assert bins == (
        Bin(0.0, 0.1, 1, 0.05, 0.0),
        Bin(0.9, 1.0, 3, pytest.approx(2.85 / 3), pytest.approx(2 / 3)),
    )
    assert of("ece", some) == pytest.approx((1 * 0.05 + 3 * (2.85 / 3 - 2 / 3)) / 4)
    assert of("ece", [(ABLE, withheld(0.3))]) is None
    assert reliability([ABLE], [FAILED]) == ()


def test_what_is_always_right_and_says_so_is_calibrated() -> None:
    assert of("ece", [(ABLE, right(1.0))] * 5) == 0
    assert of("aurc", [(ABLE, right(0.4))] * 5) == 0
