from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent_evals.metrics.answers.f1 import open_f1
from ragent_evals.metrics.grounding.quote_exactness import open_quote_exactness
from ragent_evals.metrics.metric import MetricContext
from ragent_evals.optimizing.observing import (
    LEAST_ANSWERED,
    Quote,
    Seen,
    answered_at,
    best_threshold,
    mean_at,
    observe,
    with_a_say,
    worth_at_all,
)
from ragent_evals.outcome import Cost, Outcome
from ragent_evals.sets.case import Case

ASKED = Case("a", "answer", "Who?", ("Ann Lee",))
SILENT = Case("b", "answer", "Why?", is_impossible=True)


def f1_of(case: Case, outcome: Outcome) -> Seen:
    context = MetricContext({}, lambda: pytest.fail("no embedder"), lambda: pytest.fail("no model"))
    return observe(open_f1(context), case, outcome, None)


def test_an_answer_is_worth_something_shown_and_something_withheld() -> None:
    right = f1_of(ASKED, Outcome("a", "Ann Lee.", support=0.7, cost=Cost(1.5)))
    assert (right.shown, right.withheld, right.support, right.seconds) == (1.0, 0.0, 0.7, 1.5)
    wrong = f1_of(SILENT, Outcome("b", "Because.", support=0.2))
    assert (wrong.shown, wrong.withheld) == (0.0, 1.0)
    mute = f1_of(SILENT, Outcome("b", "Nothing.", abstained=True, support=0.2))
    assert (mute.shown, mute.withheld) == (1.0, 1.0)
    assert answered_at([right, wrong, mute], 0.0) == pytest.approx(2 / 3)


def test_what_failed_is_worth_nothing_whatever_the_threshold() -> None:
    failed = f1_of(SILENT, Outcome("b", error="it broke"))
    assert (failed.shown, failed.withheld) == (0.0, 0.0)


def test_a_threshold_parts_good_answers_from_bad_ones() -> None:
    bad = [Seen(0.0, 1.0, 0.1 + n / 1000, 1.0) for n in range(20)]
    good = [Seen(1.0, 0.0, 0.6 + n / 1000, 1.0) for n in range(20)]
    threshold = best_threshold([*bad, *good])
    assert 0.119 < threshold <= 0.6
    assert mean_at([*bad, *good], threshold) == 1.0
    assert worth_at_all([*bad, *good]) > worth_at_all([*good, *bad[:1], *bad[:19]]) - 1


seen = st.builds(Seen, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.just(1.0))


@given(st.lists(seen, min_size=1, max_size=60))
def test_a_threshold_never_silences_nearly_everything(some: list[Seen]) -> None:
    threshold = best_threshold(some)
    assert 0 <= threshold <= 1
    if len({round(one.support, 3) for one in some}) == len(some):
        assert answered_at(some, threshold) >= LEAST_ANSWERED - 1 / len(some)


@given(seen, st.booleans())
def test_what_was_seen_comes_back_from_json(one: Seen, has_quote: bool) -> None:
    quote = Quote("set:a", 3, 9, 4, 6) if has_quote else None
    whole = Seen(one.shown, one.withheld, one.support, one.seconds, quote)
    assert Seen.from_json(whole.as_json()) == whole


def test_what_a_metric_has_no_say_about_is_not_a_zero() -> None:
    context = MetricContext({}, lambda: pytest.fail("no embedder"), lambda: pytest.fail("no model"))
    unquoted = observe(open_quote_exactness(context), ASKED, Outcome("a", "Ann Lee."), None)
    assert (unquoted.shown, unquoted.withheld) == (None, None)
    assert Seen.from_json(unquoted.as_json()) == unquoted


def test_rows_are_compared_on_the_cases_of_which_all_say_something() -> None:
    one, two, none = (Seen(worth, 0.0, 0.5, 1.0) for worth in (1.0, 0.2, None))
    assert with_a_say([[one, none, two], [two, one, one]], 0.0) == [[one, two], [two, one]]
    assert with_a_say([[one, none, two], [none, none, none]], 0.0) == [[one, two], []]
    assert with_a_say([[none, one]], 0.9) == [[none, one]]
    assert with_a_say([[none, one]], None) == [[one]]
    assert with_a_say([[none], [none]], 0.0) == [[], []]
