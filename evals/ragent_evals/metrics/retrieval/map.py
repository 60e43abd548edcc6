"""Average precision."""

from __future__ import annotations

from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.retrieval.trec import Ranking


def open_map(_: MetricContext) -> Metric:
    """The precision at the place of each relevant text, averaged over all of them.

    Source: trec_eval's map, over all that was found.
    """
    return Ranking("map")
