"""Area under the risk-coverage curve."""

from __future__ import annotations

from ragent_evals.metrics.abstention.certainty import area_under_risk, risk
from ragent_evals.metrics.answers.expecting import KINDS
from ragent_evals.metrics.measuring import PerSet
from ragent_evals.metrics.metric import MetricContext, SetMetric


def open_aurc(_: MetricContext) -> SetMetric:
    """The share of wrong answers when only the surest are given, averaged over how many are given.

    Source: Geifman and El-Yaniv 2017 (arXiv:1705.08500); the area as the mean over all coverages. Withheld
    answers and errors stand last: withholding is right for a question without an answer, and wrong for one
    with. So nothing is gained by withholding all that is unsure. The curve: `certainty.risk_coverage`.
    """
    return PerSet("aurc", KINDS, risk, area_under_risk, higher_is_better=False)
