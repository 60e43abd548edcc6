"""Measures of ranked documents by trec_eval itself, through pytrec_eval and ir_measures.

The gain of nDCG is the grade itself. Documents of the same score are ranked by their ids, the last first, and
scores are compared as 32-bit numbers: so does trec_eval, and the figures can be set beside published ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import ir_measures
import numpy as np

from ragent_evals.estimates import Estimate, estimates
from ragent_evals.outcome import Found, Outcome
from ragent_evals.sets.case import Case, Kind

Run = Mapping[str, Mapping[str, float]]
Qrels = Mapping[str, Mapping[str, int]]

_MEASURES = {"ndcg": "nDCG@{k}", "recall": "R@{k}", "precision": "P@{k}", "mrr": "RR", "map": "AP"}
_REPORTED = ("ndcg@10", "recall@10", "recall@100", "mrr@10")


@dataclass(frozen=True, slots=True)
class Ranking:
    """A `Metric` over texts found, each as good as its best passage. `name`: "ndcg@10", say, or "map".

    It has a say about cases with something relevant; where nothing was found, or an error came, it is 0.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("retrieval", "answer")
    higher_is_better: ClassVar[bool] = True
    name: str

    def values(self, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> list[float | None]:
        """See `Metric`."""
        rows = {str(row): case for row, case in enumerate(cases) if self._applies(case)}
        run = {
            row: {} if outcome.error else best_passages(outcome.found)
            for row, outcome in zip(map(str, range(len(cases))), outcomes, strict=True)
            if row in rows
        }
        found = figures(run, {row: case.relevant for row, case in rows.items()}, self.name)
        return [found.get(str(row)) for row in range(len(cases))]

    def _applies(self, case: Case) -> bool:
        return case.kind in self.kinds and any(grade > 0 for grade in case.relevant.values())


def best_passages(found: Iterable[Found]) -> dict[str, float]:
    """By text id the score of its best passage."""
    best: dict[str, float] = {}
    for each in found:
        best[each.text_id] = max(each.score, best.get(each.text_id, each.score))
    return best


def figures(run: Run, qrels: Qrels, name: str) -> dict[str, float]:
    """A measure of each judged query, by its id; one without results has 0.

    Args:
        run: scores by document, by query.
        qrels: grades by document, by query: 0 is irrelevant, and more is better.
        name: "ndcg", "recall", "precision" or "mrr" with "@" and how many documents count, or "map".
    """
    family, _, k = name.partition("@")
    measure = ir_measures.parse_measure(_MEASURES[family].format(k=k))
    values = dict.fromkeys(qrels, 0.0)
    for found in ir_measures.iter_calc([measure], _plain(qrels), _plain(run)):
        values[found.query_id] = found.value
    if family == "mrr":
        # ir_measures has RR@k from another program, which breaks ties in another way.
        return {query: value if value * int(k) > 1 - 1e-9 else 0.0 for query, value in values.items()}
    return values


def measure(run: Run, qrels: Qrels, depth: int) -> dict[str, Estimate]:
    """Measures of a run over all judged queries, with their intervals; a query without results counts as 0.

    Measures that look deeper than the run's `depth` are left out.
    """
    names = [name for name in _REPORTED if int(name.partition("@")[2]) <= depth]
    columns = [list(figures(run, qrels, name).values()) for name in names]
    return estimates(names, np.array(columns, np.float64).T)


def _plain(table: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {query: dict(documents) for query, documents in table.items()}
