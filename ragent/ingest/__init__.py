"""Ingestion: read, parse, chunk, embed and commit, in batches."""

from ragent.ingest.parsing import parse
from ragent.ingest.pipeline import Callbacks, Ingestor, Progress

__all__ = ["Callbacks", "Ingestor", "Progress", "parse"]
