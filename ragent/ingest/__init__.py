"""Ingestion: read, parse, chunk, embed and commit, in batches.

Loaded by name on first use: reader processes need the reading half alone, without a database.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragent.ingest.listing import Origin
    from ragent.ingest.parsing import parse
    from ragent.ingest.pipeline import Callbacks, Ingestor, Options, Progress

_HOMES = {
    "Callbacks": "ragent.ingest.pipeline",
    "Ingestor": "ragent.ingest.pipeline",
    "Options": "ragent.ingest.pipeline",
    "Origin": "ragent.ingest.listing",
    "Progress": "ragent.ingest.pipeline",
    "parse": "ragent.ingest.parsing",
}

__all__ = ["Callbacks", "Ingestor", "Options", "Origin", "Progress", "parse"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
