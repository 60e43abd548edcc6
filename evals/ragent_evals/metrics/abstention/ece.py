"""Expected calibration error."""

from __future__ import annotations

from ragent_evals.metrics.abstention.certainty import calibration, calibration_error
from ragent_evals.metrics.answers.expecting import KINDS
from ragent_evals.metrics.measuring import PerSet
from ragent_evals.metrics.metric import MetricContext, SetMetric


def open_ece(_: MetricContext) -> SetMetric:
    """How far the support of answers is from how often they are right, in ten bins.

    Source: Guo et al. 2017 (arXiv:1706.04599). Only answers that were given count: withheld ones and errors
    have none. The bins: `certainty.reliability`.
    """
    return PerSet("ece", KINDS, calibration, calibration_error, higher_is_better=False)
