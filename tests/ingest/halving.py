"""Another embedder than `HashedWords`, and a process that re-embeds with it, to be killed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ragent.ingest import Watching, reembed
from ragent.protocols import Vectors
from ragent.store import Store
from tests.making import DIMENSION, FINGERPRINT, HashedWords, WordTokenizer

HALVED = replace(FINGERPRINT, model="halved", dimension=DIMENSION // 2)


@dataclass(frozen=True)
class Halved:
    """Half of the dimensions; tells before each batch."""

    before: Callable[[], object] = lambda: None
    max_tokens: int = 64
    fingerprint = HALVED
    tokenizer: WordTokenizer = field(default_factory=WordTokenizer)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.before()
        half = HashedWords(self.max_tokens).embed_documents(texts)[:, : HALVED.dimension]
        unit: Vectors = half / np.linalg.norm(half, axis=1, keepdims=True)
        return unit

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_documents(texts)


def tell(done: int) -> None:
    """A line."""
    sys.stdout.write(f"{done}\n")
    sys.stdout.flush()


def main(home: Path) -> None:
    """Two chunks a batch, slowly; says how many are done."""
    with Store.open(home) as store:
        watching = Watching(lambda done, total: tell(done))
        slow = Halved(lambda: time.sleep(0.005))
        reembed(store, store.require_collection("default"), slow, 2, watching)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
