"""Newer documents first: a score halves with every half-life that has passed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ragent.protocols import Searcher
from ragent.retrieval.context import SearchContext
from ragent.retrieval.techniques.ranking import best_first
from ragent.types import Query, SearchResult

_DATES = ("modified", "date", "created", "published")
_POOL = 100
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Decay:
    """`--technique time-decay`: by the date in a document's metadata, else by when it was written here."""

    context: SearchContext

    def search(self, searcher: Searcher, query: Query, k: int) -> SearchResult:
        """The `k` best chunks of the 100 (or k) that fit best, their scores aged by `half_life_days`."""
        found = searcher.search(query, max(k, _POOL))
        written = self.context.store.document_times(sorted({hit.document_id for hit in found.hits}))
        now = datetime.now(UTC)
        half_life = self.context.settings.half_life_days
        aged = []
        for hit in found.hits:
            moment = _date_of(hit.metadata) or written.get(hit.document_id, now)
            days = max(0.0, (now - moment).total_seconds() / _DAY)
            # Half of a score below zero would be more.
            aged.append(replace(hit, score=max(0.0, hit.score) * 0.5 ** (days / half_life)))
        return replace(found, hits=best_first(aged)[:k])


def _date_of(metadata: Mapping[str, Any]) -> datetime | None:
    for name in _DATES:
        try:
            found = datetime.fromisoformat(str(metadata[name]))
        except (KeyError, ValueError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
