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
    from ragent.ingest.reembedding import ReembedReport, Watching, abandon, reembed

_HOMES = {
    "Callbacks": "ragent.ingest.pipeline",
    "Ingestor": "ragent.ingest.pipeline",
    "Options": "ragent.ingest.pipeline",
    "Origin": "ragent.ingest.listing",
    "Progress": "ragent.ingest.pipeline",
    "ReembedReport": "ragent.ingest.reembedding",
    "Watching": "ragent.ingest.reembedding",
    "abandon": "ragent.ingest.reembedding",
    "parse": "ragent.ingest.parsing",
    "reembed": "ragent.ingest.reembedding",
}

__all__ = [
    "Callbacks",
    "Ingestor",
    "Options",
    "Origin",
    "Progress",
    "ReembedReport",
    "Watching",
    "abandon",
    "parse",
    "reembed",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
