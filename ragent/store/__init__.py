"""The only truth: one database a home, through SQLAlchemy."""

from ragent.store.leases import Leases
from ragent.store.rows import (
    Applied,
    Batch,
    Collection,
    Counts,
    Duplicate,
    Held,
    IndexedText,
    KnownDocument,
    KnownSource,
    Move,
    NewDocument,
    Passage,
    Problem,
    Seen,
)
from ragent.store.snapshot import Snapshot
from ragent.store.store import Store, check_fingerprint
from ragent.store.traces import Trace, TraceStore, TraceSummary, Wanted

__all__ = [
    "Applied",
    "Batch",
    "Collection",
    "Counts",
    "Duplicate",
    "Held",
    "IndexedText",
    "KnownDocument",
    "KnownSource",
    "Leases",
    "Move",
    "NewDocument",
    "Passage",
    "Problem",
    "Seen",
    "Snapshot",
    "Store",
    "Trace",
    "TraceStore",
    "TraceSummary",
    "Wanted",
    "check_fingerprint",
]
