"""Measures of ranked texts, against trec_eval itself and by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent_evals.metrics.metric import MetricContext
from ragent_evals.metrics.opening import open_metrics
from ragent_evals.metrics.retrieval.trec import best_passages, figures, measure
from ragent_evals.outcome import Found, Outcome
from ragent_evals.sets.case import Case
from tests.evals.metrics.things import NOTHING, only

NAMES = {
    "ndcg@3": "ndcg_cut_3",
    "ndcg@10": "ndcg_cut_10",
    "recall@2": "recall_2",
    "recall@10": "recall_10",
    "precision@1": "P_1",
    "precision@10": "P_10",
    "map": "map",
}
TEXTS = [f"t{number}" for number in range(14)]
# Few scores, so that many are the same.
runs = st.dictionaries(st.sampled_from(TEXTS), st.sampled_from([-1.5, 0.0, 0.5, 0.5 + 1e-9, 2.0]))
qrels = st.dictionaries(st.sampled_from(TEXTS), st.integers(0, 3), min_size=1).filter(
    lambda grades: any(grades.values())
)


def gain(rank: int) -> float:
    return 1 / math.log2(rank + 1)


def outcome(scores: Mapping[str, float], **others: str) -> Outcome:
    found = tuple(Found(text, score, 0, 1, "x") for text, score in scores.items())
    return Outcome("c", found=found, **others)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(qrels, runs), min_size=1, max_size=5))
def test_every_measure_is_trec_evals(queries: list[tuple[dict[str, int], dict[str, float]]]) -> None:
    judged = {str(number): grades for number, (grades, _) in enumerate(queries)}
    run = {str(number): scores for number, (_, scores) in enumerate(queries)}
    evaluator = pytrec_eval.RelevanceEvaluator(judged, {*NAMES.values(), "recip_rank"})
    expected = evaluator.evaluate(run)
    cases = [Case(query, "retrieval", "q", relevant=grades) for query, grades in judged.items()]
    outcomes = [outcome(run[query]) for query in judged]
    for metric in open_metrics([*NAMES, "mrr@4"], NOTHING):
        for query, value in zip(judged, metric.values(cases, outcomes), strict=True):
            theirs = expected.get(query, {})
            wanted = theirs.get(NAMES.get(metric.name, "recip_rank"), 0.0)
            if metric.name == "mrr@4" and wanted < 1 / 4:
                wanted = 0.0
            assert value == pytest.approx(wanted, abs=1e-9)
            assert 0 <= value <= 1 + 1e-12


@settings(deadline=None)
@given(qrels, runs)
def test_the_best_passage_of_a_text_counts_wherever_it_stands(
    grades: dict[str, int], scores: dict[str, float]
) -> None:
    case = Case("c", "retrieval", "q", relevant=grades)
    found = outcome(scores).found
    worse = tuple(Found(each.text_id, each.score - 1, 5, 9, "y") for each in found)
    for name in ("ndcg@5", "map", "mrr@3"):
        metric = only(name)
        together = [Outcome("c", found=some) for some in (found, found + worse, worse[::-1] + found)]
        assert len({metric.values([case], [each])[0] for each in together}) == 1


def test_all_that_is_relevant_first_is_perfect() -> None:
    case = Case("c", "retrieval", "q", relevant={"a": 2, "b": 1, "c": 0})
    came = outcome({"a": 3.0, "b": 2.0, "c": 1.0})
    names = ["ndcg@10", "recall@2", "precision@2", "mrr@10", "map"]
    assert [metric.values([case], [came])[0] for metric in open_metrics(names, NOTHING)] == [1] * 5


def test_only_cases_with_something_relevant_count_and_errors_are_failures() -> None:
    cases = [
        Case("1", "retrieval", "q", relevant={"a": 1}),
        Case("2", "retrieval", "q"),
        Case("3", "retrieval", "q", relevant={"a": 0}),
        Case("4", "tools", "q", relevant={"a": 1}),
        Case("5", "answer", "q", relevant={"a": 1}),
        Case("6", "answer", "q", relevant={"a": 1}),
    ]
    outcomes = [outcome({"a": 1.0})] * 4 + [outcome({"a": 1.0}, error="it broke"), outcome({})]
    for metric in open_metrics(["ndcg@10", "recall", "precision@1", "mrr", "map"], NOTHING):
        assert metric.values(cases, outcomes) == [1, None, None, None, 0, 0]


def test_a_name_without_a_number_has_the_contexts() -> None:
    context = MetricContext({}, NOTHING.embedder, NOTHING.llm, k=7)
    assert [metric.name for metric in open_metrics(["ndcg", "recall@3"], context)] == ["ndcg@7", "recall@3"]


def test_the_best_passage_is_by_score() -> None:
    found = [Found("a", 1.0, 0, 1, ""), Found("b", 0.5, 0, 1, ""), Found("a", 3.0, 2, 3, "")]
    assert best_passages(found) == {"a": 3.0, "b": 0.5}


def test_reciprocal_rank_breaks_ties_as_the_other_measures_do() -> None:
    run, judged = {"q": {"a": 1.0, "b": 1.0, "c": 1.0}}, {"q": {"a": 1}}
    assert figures(run, judged, "mrr@10")["q"] == pytest.approx(1 / 3)
    assert figures(run, judged, "mrr@2")["q"] == 0
    assert figures(run, judged, "recall@2")["q"] == 0


def test_measures_worked_out_by_hand() -> None:
    qrels = {"q1": {"a": 2, "b": 1, "z": 0}, "q2": {"c": 1}, "q3": {"d": 1}}
    run = {
        "q1": {"b": 3.0, "z": 2.0, "a": 1.0},  # gains 1, 0, 2 against the ideal 2, 1
        "q2": {"x": 9.0, "c": 8.0},
        "q3": {"x": 1.0},
    }
    q1 = (1 * gain(1) + 2 * gain(3)) / (2 * gain(1) + 1 * gain(2))
    found = measure(run, qrels, 100)
    assert found["ndcg@10"].value == pytest.approx((q1 + gain(2) + 0) / 3, abs=1e-4)
    assert found["mrr@10"].value == pytest.approx((1 + 1 / 2 + 0) / 3, abs=1e-4)
    assert found["recall@10"].value == pytest.approx(2 / 3, abs=1e-4)
    assert list(found) == ["ndcg@10", "recall@10", "recall@100", "mrr@10"]


def test_cutoffs_count() -> None:
    run = {"q": {f"x{i}": 100.0 - i for i in range(10)} | {"a": 1.0}}
    found = measure(run, {"q": {"a": 1}}, 100)
    assert (found["ndcg@10"].value, found["recall@10"].value, found["mrr@10"].value) == (0, 0, 0)
    assert found["recall@100"].value == 1


def test_a_query_without_results_counts_as_nothing_found() -> None:
    qrels = {"q1": {"a": 1}, "q2": {"b": 1}}
    for run in ({"q1": {"a": 1.0}}, {"q1": {"a": 1.0}, "q2": {}}):
        assert measure(run, qrels, 100)["mrr@10"].value == 0.5


def test_what_looks_deeper_than_the_run_is_left_out() -> None:
    assert list(measure({"q": {"a": 1.0}}, {"q": {"a": 1}}, 10)) == ["ndcg@10", "recall@10", "mrr@10"]
