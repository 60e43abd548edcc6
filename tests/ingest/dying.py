"""An ingestion that never ends: it commits some, and hangs with the rest in hand, until somebody kills it.

Run as `python -m tests.ingest.dying HOME URL LEASE_SECONDS`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ragent.config import IngestSettings
from ragent.ingest import Callbacks, Ingestor, Options, Origin
from ragent.ingest.reading import Here
from ragent.protocols import Embedder, Vectors
from ragent.store import Store
from ragent.types import Fingerprint, IngestReport, Item, RawDocument
from tests.ingest import faking
from tests.making import FINGERPRINT, HashedWords, WordTokenizer

TEXTS = {f"f{i:02}": "\n".join(f"line {line} of file {i}" for line in range(i % 4 + 1)) for i in range(60)}
TEXTS |= {"f59": "archive\none of many\ntwo of many"}


@dataclass(frozen=True)
class Texts:
    """A source of texts in memory, that any number of processes see alike."""

    uri: str = "texts:"

    def items(self) -> Iterator[Item]:
        for uri in TEXTS:
            yield Item(uri, "1")

    def load(self, item: Item) -> RawDocument:
        return RawDocument(item.uri, item.uri, TEXTS[item.uri].encode())


@dataclass
class Hanging:
    """An embedder that hangs at its third batch."""

    calls: int = 0
    max_tokens: int = 64
    fingerprint: Fingerprint = FINGERPRINT
    tokenizer: WordTokenizer = field(default_factory=WordTokenizer)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
        if self.calls == 3:
            sys.stdout.write("hanging\n")
            sys.stdout.flush()
            time.sleep(1000)
        return HashedWords().embed_documents(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_documents(texts)


def run(home: Path, url: str, lease_seconds: float, embedder: Embedder) -> IngestReport:
    """What a process does."""
    settings = IngestSettings(batch_chunks=5, lease_seconds=lease_seconds)
    with Store.open(home, url) as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        ingestor = Ingestor(store, collection, embedder, faking.Lines(), settings, Here())
        origin = Origin(Texts(), store.remember_source(collection, "texts:"))
        return ingestor.run([origin], Callbacks(faking.parse, unpack=faking.unpack), Options(delete=True))


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), Hanging())
