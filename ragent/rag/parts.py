"""What a Rag works with, each part opened when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ragent import registry
from ragent.config import Settings
from ragent.embedding import open_embedder
from ragent.protocols import LLM, Embedder
from ragent.rag.tracing import open_tracer
from ragent.retrieval import Aids, CollectionIndexes, FewOpen, HybridRetriever, open_indexes
from ragent.store import Collection, Store, check_fingerprint
from ragent.trace import Tracer

Part = TypeVar("Part")


class Parts:
    """Store, models and indexes of one home under its settings, or borrowed from the parts under others.

    Nothing is opened or loaded before it is needed, and then once. Safe to share between threads.
    """

    def __init__(self, home: Path, settings: Settings, borrowed: Mapping[str, Parts] | None = None) -> None:
        self._home = home
        self._settings = settings
        self._borrowed = borrowed or {}
        self._opened: dict[str, Any] = {}
        self._lock = threading.RLock()

    def under(self, settings: Settings) -> Parts:
        """Parts under other settings, which borrow from these all that those settings don't change."""
        before = self._settings
        same_store = settings.store == before.store
        same_collection = same_store and settings.collection == before.collection
        same = {
            "store": same_store,
            "tracer": same_store and settings.trace == before.trace,
            "embedder": settings.embedder == before.embedder,
            "llm": settings.llm.opened == before.llm.opened,
            "few_open": True,
            "collection": same_collection,
            "indexes": same_collection and settings.index == before.index,
        }
        return Parts(self._home, settings, {name: self for name, is_same in same.items() if is_same})

    def close(self) -> None:
        """Release files and connections, of what isn't borrowed."""
        self.flush_traces()
        if "store" in self._opened:
            self.store.close()

    def renew_collection(self) -> None:
        """Open the collection, and what depends on it, again at their next use: it has other vectors."""
        with self._lock:
            for name in ("collection", "indexes", "retriever"):
                self._opened.pop(name, None)
        if "collection" in self._borrowed:
            self._borrowed["collection"].renew_collection()

    def flush_traces(self) -> None:
        """Have what was recorded so far be written."""
        if "tracer" in self._opened:
            self.tracer.flush()

    @property
    def store(self) -> Store:
        """The database of the home."""
        return self._once("store", lambda: Store.open(self._home, self._settings.store.url))

    @property
    def embedder(self) -> Embedder:
        """The model that turns text into vectors."""
        return self._once("embedder", lambda: open_embedder(self._settings.embedder))

    @property
    def llm(self) -> LLM:
        """The language model."""

        def load() -> LLM:
            engine = "openai" if self._settings.llm.url else "llamacpp"
            model: LLM = registry.load("ragent.llms", engine)(self._settings.llm, self._home / "models")
            return model

        return self._once("llm", load)

    @property
    def collection(self) -> Collection:
        """The collection in use. Raises StoreError while it is empty."""
        return self._once("collection", lambda: self.store.require_collection(self._settings.collection))

    @property
    def indexes(self) -> CollectionIndexes:
        """The derived indexes of the collection."""
        return self._once(
            "indexes", lambda: open_indexes(self.store, self.collection, self._settings.index, self.few_open)
        )

    @property
    def few_open(self) -> FewOpen:
        """Closes the indexes of collections that weren't used for long, over all who borrow this."""
        return self._once("few_open", lambda: FewOpen(self._settings.server.open_collections))

    @property
    def retriever(self) -> HybridRetriever:
        """What searches. Raises EmbedderMismatch if the settings name another model."""

        def make() -> HybridRetriever:
            if self.collection.fingerprint != self.embedder.fingerprint:
                self.renew_collection()  # another process may have embedded it anew
            check_fingerprint(self.collection, self.embedder.fingerprint)
            return HybridRetriever(
                self.store,
                self.collection,
                self.indexes,
                self.embedder,
                self._settings.retrieval,
                Aids(lambda: self.llm, self._settings.rerank),
            )

        return self._once("retriever", make)

    @property
    def tracer(self) -> Tracer:
        """Records what is done, as `[trace]` says. Raises as `store` does, or MissingExtraError."""
        return self._once("tracer", lambda: open_tracer(lambda: self.store, self._settings.trace))

    def _once(self, name: str, make: Callable[[], Part]) -> Part:
        if name in self._borrowed:
            borrowed: Part = getattr(self._borrowed[name], name)
            return borrowed
        # What is there is given at once: nobody waits for a model that another thread is loading.
        if name not in self._opened:
            with self._lock:
                if name not in self._opened:
                    self._opened[name] = make()
        part: Part = self._opened[name]
        return part
