"""Finds metrics by name."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from ragent.errors import EvalError
from ragent.registry import load, names
from ragent_evals.metrics.measuring import EVERY_KIND
from ragent_evals.metrics.metric import Metric, MetricContext, SetMetric
from ragent_evals.sets.case import Kind

_GROUP: Literal["ragent.metrics"] = "ragent.metrics"
_SPENT = ("seconds", "seconds_p90", "prompt_tokens", "completion_tokens")
_DEFAULTS: dict[Kind, tuple[str, ...]] = {
    "retrieval": ("ndcg@10", "recall@10", "recall@100", "precision@10", "mrr@10", "map", "seconds"),
    "answer": (
        *("exact_match", "f1", "rouge_l"),
        *("abstention_accuracy", "answered", "auroc_answerable", "aurc", "ece"),
        *("quote_exactness", "statement_support", "faithfulness", "citation_precision", "citation_recall"),
        *("ndcg@10", "recall@10"),
        *_SPENT,
    ),
    "schema": ("validity", "value_match", *_SPENT),
    "tools": ("call", "tool_named", "no_call", *_SPENT),
    "turns": ("turn_f1", "last_turn_f1", *_SPENT),
}


@dataclass(frozen=True, slots=True)
class Described:
    """What is to be known about a metric before it is used."""

    name: str
    kinds: tuple[Kind, ...]
    higher_is_better: bool
    summary: str


def default_metrics(kind: Kind) -> tuple[str, ...]:
    """What is measured for cases of a kind where nothing else is asked for."""
    return _DEFAULTS[kind]


def open_metrics(wanted: Sequence[str], context: MetricContext) -> list[Metric | SetMetric]:
    """Metrics by name, in order; one named twice is there once. Nothing is computed, and no model opened.

    `ndcg@5` is the metric `ndcg` with five for the context's `k`.

    Raises:
        ConfigError: nothing has that name.
        EvalError: a number is none, or the metric takes none.
    """
    return [_opened(name, context) for name in dict.fromkeys(wanted)]


def known_metrics() -> list[Described]:
    """All that are registered, in order of their names."""
    nothing = MetricContext({}, _refuse, _refuse)
    described = []
    for name in names(_GROUP):
        factory = load(_GROUP, name)
        metric: Metric | SetMetric = factory(nothing)
        kinds = getattr(metric, "kinds", EVERY_KIND)
        summary = (inspect.getdoc(factory) or "").partition("\n")[0]
        described.append(Described(metric.name, kinds, metric.higher_is_better, summary))
    return described


def _opened(name: str, context: MetricContext) -> Metric | SetMetric:
    family, at, number = name.partition("@")
    if not at:
        metric: Metric | SetMetric = load(_GROUP, name)(context)
        return metric
    if not (number.isascii() and number.isdigit() and int(number)):
        raise EvalError(f"{name!r} is no metric", hint=f"after @ comes how many results count: {family}@10")
    metric = load(_GROUP, family)(replace(context, k=int(number)))
    if not metric.name.endswith(f"@{int(number)}"):
        raise EvalError(f"the metric {family!r} takes no number", hint=f"ask for {metric.name}")
    return metric


def _refuse() -> NoReturn:
    raise EvalError("this metric opens a model before there is a case that needs it")
