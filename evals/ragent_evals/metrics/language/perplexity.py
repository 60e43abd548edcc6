"""Perplexity."""

from __future__ import annotations

import numpy as np

from ragent_evals.metrics.measuring import EVERY_KIND, PerSet, Rows
from ragent_evals.metrics.metric import MetricContext, SetMetric
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_perplexity(_: MetricContext) -> SetMetric:
    """Among how many equally likely tokens the model chose, on average over all tokens of the set.

    Source: Jelinek et al. 1977, as exp of the mean negative log-likelihood. It needs the signals `logprob`,
    the sum of ln p, and `tokens`; cases without them, or with an error, are left out.
    """
    return PerSet("perplexity", EVERY_KIND, _signals, _perplexity, higher_is_better=False)


def _signals(_: Case, outcome: Outcome) -> tuple[float, float] | None:
    signals = outcome.signals
    if outcome.error or "logprob" not in signals or signals.get("tokens", 0) <= 0:
        return None
    return signals["logprob"], signals["tokens"]


def _perplexity(rows: Rows) -> float:
    logprob, tokens = rows.sum(axis=0)
    with np.errstate(over="ignore"):  # infinity is the right word for it
        return float(np.exp(-logprob / tokens))
