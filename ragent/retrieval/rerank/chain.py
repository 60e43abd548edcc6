"""Sends the best hits through rerankers, one after the other, within a time budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ragent.config import RerankSettings
from ragent.errors import RagentError, RerankError
from ragent.protocols import Reranker, StepwiseReranker
from ragent.retrieval.rerank.ordering import by_score
from ragent.types import Hit

Account = list[dict[str, Any]]
"""What became of each reranker, for the plan: its name, `saw` hits, milliseconds, and its state.

The state is `done`, `stopped` (the time ran out, and the order it had by then counts), `skipped` (it
ran out before), or `failed`, with the error.
"""


def rerank_in_turn(
    rerankers: Mapping[str, Reranker],
    query: str,
    hits: Sequence[Hit],
    settings: RerankSettings,
    now: Callable[[], float] = time.perf_counter,
) -> tuple[tuple[Hit, ...], Account]:
    """All of `hits`, in the order of the last reranker that ran; explanations note the score of each.

    The first reranker sees all hits, each further one the best of them only: `settings.narrowing` of what the
    one before it saw. The rest stay behind in their order.

    Raises:
        RerankError: a reranker failed, and `settings.on_error` isn't `skip`.
    """
    deadline = now() + settings.seconds if settings.seconds else float("inf")
    best = tuple(hits)
    account: Account = []
    sees = len(best)
    for place, (name, reranker) in enumerate(rerankers.items()):
        if place:
            sees = min(sees, max(1, round(sees * settings.narrowing)))
        began = now()
        entry: dict[str, Any] = {"name": name, "saw": sees}
        account.append(entry)
        if began >= deadline:
            entry |= {"saw": 0, "milliseconds": 0.0, "state": "skipped"}
            continue
        try:
            found, entry["state"] = _run(reranker, query, best[:sees], lambda: now() >= deadline)
            best = _join([noted(hit, name) for hit in found], best[sees:])
        except Exception as error:  # rerankers are foreign code
            if settings.on_error == "raise":
                raise _as_rerank_error(name, error) from error
            entry |= {"state": "failed", "error": str(error)}
        entry["milliseconds"] = round(1000 * (now() - began), 3)
    return best, account


def _run(
    reranker: Reranker, query: str, hits: Sequence[Hit], is_late: Callable[[], bool]
) -> tuple[Sequence[Hit], str]:
    if not isinstance(reranker, StepwiseReranker):
        return reranker.rerank(query, hits), "done"
    best: Sequence[Hit] = hits
    for best in reranker.steps(query, hits):
        if is_late():
            return best, "stopped"
    return best, "done"


def _join(first: Sequence[Hit], rest: Sequence[Hit]) -> tuple[Hit, ...]:
    """`rest` behind `first`, with scores no higher."""
    return by_score([*first, *rest], [hit.score for hit in first])


def noted(hit: Hit, stage: str) -> Hit:
    """The hit, with its score noted as that of a stage, where it explains itself."""
    if hit.explanation is None:
        return hit
    stages = {**hit.explanation.stages, stage: hit.score}
    return replace(hit, explanation=replace(hit.explanation, stages=stages))


def _as_rerank_error(name: str, error: Exception) -> RerankError:
    skip = 'rank without it (leave out --rerank), or set [rerank] on_error = "skip"'
    if isinstance(error, RagentError):
        return RerankError(f"reranker {name!r}: {error.message}", hint=error.hint or skip)
    return RerankError(f"reranker {name!r} failed: {error!r}", hint=skip)
