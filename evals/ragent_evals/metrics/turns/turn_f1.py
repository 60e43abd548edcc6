"""F1 of all turns."""

from __future__ import annotations

from ragent_evals.metrics.answers.expecting import is_known
from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.turns.answers import KINDS, turn_values
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_turn_f1(_: MetricContext) -> Metric:
    """The mean F1 of the turns of a conversation whose answers are known.

    Source: SQuAD 2's F1, turn by turn, as CoQA has it (Reddy et al. 2019, arXiv:1808.07042).
    """
    return PerCase("turn_f1", KINDS, _mean, lambda case: any(map(is_known, case.turns)))


def _mean(case: Case, outcome: Outcome) -> float:
    known = [value for value in turn_values(case, outcome) if value is not None]
    return sum(known) / len(known)
