from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragent import Rag
from ragent.agent import ToolContext

TEXTS = {
    "letters": [
        "In 1843 Ada Lovelace wrote to Charles Babbage about the engine he was building.",
        "Later that year Ada Lovelace published her notes on it in London.",
    ],
    "engine": [
        "The engine of Charles Babbage was never finished, though the museum in London shows a part of it.",
        "Its brass wheels were made by Joseph Clement, who worked for the project until the money ended.",
    ],
    "garden": ["Tomatoes and beans grow well in the south bed, where the wall keeps the warmth."],
}


@pytest.fixture(scope="session")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    """A home with a few texts. Tests only read it."""
    folder = tmp_path_factory.mktemp("texts")
    for name, paragraphs in TEXTS.items():
        (folder / f"{name}.txt").write_text("\n\n".join(paragraphs))
    with Rag.open(folder / "home") as rag:
        rag.ingest(*(folder / f"{name}.txt" for name in TEXTS))
        yield rag


@pytest.fixture(scope="session")
def context(rag: Rag) -> ToolContext:
    return ToolContext.of(rag)
