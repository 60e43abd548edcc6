"""The only truth: one database a home, through SQLAlchemy."""

from ragent.store.rows import Collection, Counts, IndexedText, KnownDocument, NewDocument, Passage, Problem
from ragent.store.snapshot import Snapshot
from ragent.store.store import Store, check_fingerprint

__all__ = [
    "Collection",
    "Counts",
    "IndexedText",
    "KnownDocument",
    "NewDocument",
    "Passage",
    "Problem",
    "Snapshot",
    "Store",
    "check_fingerprint",
]
