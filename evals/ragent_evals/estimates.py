"""What a run is worth: measures of information retrieval, with how sure they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import ir_measures
import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_MEASURES = {"ndcg@10": "nDCG@10", "recall@10": "R@10", "recall@100": "R@100", "mrr@10": "RR@10"}
_RESAMPLES = 2000
_AT_ONCE = 100
_SEED = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean, and the interval in which 95 % of the means of resampled queries lie."""

    value: float
    low: float
    high: float


def measure(
    run: Mapping[str, Mapping[str, float]], qrels: Mapping[str, Mapping[str, int]], depth: int
) -> dict[str, Estimate]:
    """Measures of a run over all judged queries; a query without results counts as 0.

    Measures that look deeper than the run's `depth` are left out. By trec_eval (through ir_measures), so the
    gain of nDCG is the grade itself.
    """
    wanted = {name: text for name, text in _MEASURES.items() if int(text.partition("@")[2]) <= depth}
    parsed = {ir_measures.parse_measure(text): name for name, text in wanted.items()}
    rows = {query: row for row, query in enumerate(qrels)}
    columns = {name: column for column, name in enumerate(wanted)}
    values = np.zeros((len(rows), len(columns)))
    for found in ir_measures.iter_calc(list(parsed), _plain(qrels), _plain(run)):
        values[rows[found.query_id], columns[parsed[found.measure]]] = found.value
    return estimates(wanted, values)


def estimates(names: Iterable[str], values: Values) -> dict[str, Estimate]:
    """The mean of each column, shape (cases, columns), under its name, with its interval."""
    means, low, high = values.mean(axis=0), *interval(values)
    return {
        name: Estimate(*(round(float(of[column]), 4) for of in (means, low, high)))
        for column, name in enumerate(names)
    }


def interval(values: Values) -> tuple[Values, Values]:
    """The 95 % percentile bootstrap of the mean (Efron 1979) of each column: low and high, shape (columns,).

    Rows are resampled together, always from the same seed.
    """
    random = np.random.default_rng(_SEED)
    count = len(values)
    means = [
        values[random.integers(0, count, (_AT_ONCE, count))].mean(axis=1)
        for _ in range(_RESAMPLES // _AT_ONCE)
    ]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5], axis=0)
    return low, high


def _plain(table: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {query: dict(documents) for query, documents in table.items()}
