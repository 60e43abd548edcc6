"""F1 of the last turn."""

from __future__ import annotations

from ragent_evals.metrics.answers.expecting import is_known
from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.turns.answers import KINDS, turn_values
from ragent_evals.sets.case import Case


def open_last_turn_f1(_: MetricContext) -> Metric:
    """The F1 of the last turn of a conversation, which all that was said before leads up to.

    Source: SQuAD 2's F1.
    """
    return PerCase("last_turn_f1", KINDS, lambda case, outcome: turn_values(case, outcome)[-1], _is_known)


def _is_known(case: Case) -> bool:
    return bool(case.turns) and is_known(case.turns[-1])
