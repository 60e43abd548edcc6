"""Keeps what judges found in the database of a home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ragent.store import Store
from ragent.store.judgements import find_judgement, keep_judgement


@dataclass(frozen=True, slots=True)
class StoredVerdicts:
    """Verdicts on what a collection holds: `collection` is its name, "" where that isn't known.

    Only probabilities are kept, under digests of what was read. Forgetting a document of the collection
    removes them all.
    """

    store: Store
    collection: str = ""

    def find(self, key: str) -> Any:
        """What was kept, or None."""
        with self.store.reading() as connection:
            return find_judgement(connection, key)

    def keep(self, key: str, value: Any) -> None:
        """Keep it, at once."""
        with self.store.writing() as connection:
            keep_judgement(connection, key, self.collection, value)
