"""The sample documents: of a small harbour that doesn't exist, in several formats, with questions to ask."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path

from ragent.service import Session
from ragent.service.jobs import Job

NAMES = (
    "operations-handbook.pdf",
    "ticket-and-refund-policy.md",
    "price-list.html",
    "board-minutes-2024-03.docx",
)
_CHECKOUT = Path(__file__).parents[2] / "evals" / "sets" / "harbour" / "documents"


def ingest_samples(session: Session, collection: str) -> Job:
    """Bring the sample documents in, as if somebody had uploaded them. Raises NotAllowed."""
    paths = []
    with ExitStack() as stack:
        packed = files("ragent_ui") / "samples"
        folder = stack.enter_context(as_file(packed)) if packed.is_dir() else _CHECKOUT
        for name in NAMES:
            kept, _ = session.upload(collection, name, [(folder / name).read_bytes()])
            paths.append(str(kept))
    return session.ingest(collection, paths)


def are_there(session: Session, collection: str) -> bool:
    """Whether a collection holds the samples that the questions are about."""
    return bool(session.documents.list(collection, words=NAMES[0], most=1))
