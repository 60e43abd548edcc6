"""What agents remember for good: facts, each a document of a collection of its own.

So facts are found, cited, checked and forgotten as any other text of the home is. A fact keeps whether its
run was tainted when it was remembered: what somebody planted never comes back as the user's own word.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime

import xxhash

from ragent.agent.plain import plain_text
from ragent.chunking import make_chunker
from ragent.errors import StoreError
from ragent.ingest import Callbacks, Ingestor, Origin
from ragent.ingest.reading import Here
from ragent.rag import Rag
from ragent.rag.forgetting import ForgetReport
from ragent.retrieval import Aids, HybridRetriever, open_indexes
from ragent.store import Collection, check_fingerprint
from ragent.types import Document, Item, Metadata, RawDocument, SearchOptions

LONGEST_FACT = 2000
_SCHEME = "memory:"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is remembered.

    Attributes:
        id: its document's uri, `memory:` and the hash of its text.
        text: as it was remembered.
        tainted: whether somebody else than the user may have written it.
        run: the id of the run that remembered it, or "".
        when: it was remembered, in UTC; None before it is.
    """

    id: str
    text: str
    tainted: bool
    run: str = ""
    when: datetime | None = None


class Facts:
    """The facts of a home. Safe to share between threads."""

    def __init__(self, rag: Rag, collection: str = "") -> None:
        """`collection`: where they are kept; by default as `[tools] memory` says."""
        self.rag = rag
        self.collection = collection or rag.settings.tools.memory
        self._writing = threading.Lock()

    def remember(self, text: str, *, tainted: bool = False, run: str = "") -> Fact:
        """Keep a fact. A known one stays as it is, but what the user says, too, is theirs from then on.

        Raises:
            StoreError: it is empty or too long, or the home can't be used.
            EmbedderMismatch: the facts were embedded by another model.
        """
        text = plain_text(text).strip()
        if not 0 < len(text) <= LONGEST_FACT:
            raise StoreError(f"a fact has 1 to {LONGEST_FACT} characters, not {len(text)}")
        fact = Fact(_SCHEME + xxhash.xxh3_128_hexdigest(text.encode())[:16], text, tainted, run)
        with self._writing:
            known = next((known for known in self.all() if known.id == fact.id), None)
            if known and (tainted or not known.tainted):
                return known
            self._ingest(fact)
        return fact

    def recall(self, query: str, k: int = 5) -> list[Fact]:
        """The `k` facts that are nearest to a query, best first; fewer if there aren't as many.

        Raises:
            QueryError: the query is empty.
            EmbedderMismatch: the facts were embedded by another model.
        """
        collection = self._collection()
        if collection is None:
            return []
        check_fingerprint(collection, self.rag.embedder.fingerprint)
        settings = self.rag.settings
        retriever = HybridRetriever(
            self.rag.store,
            collection,
            open_indexes(self.rag.store, collection, settings.index),
            self.rag.embedder,
            settings.retrieval,
            Aids(lambda: self.rag.llm, settings.rerank),
        )
        hits = retriever.search(query, k, SearchOptions(by_document=True)).hits
        return [self._fact(hit.document_id, hit.uri, hit.metadata) for hit in hits]

    def all(self) -> list[Fact]:
        """Every fact, in the order in which they were remembered."""
        collection = self._collection()
        if collection is None:
            return []
        store = self.rag.store
        ids = sorted(known.id for known in store.known_documents(collection.id).values())
        passages = store.passages(collection.id, store.chunks_of(ids)).values()
        first = {passage.document_id: passage for passage in reversed(passages)}
        return [self._fact(id_, first[id_].uri, first[id_].metadata) for id_ in ids if id_ in first]

    def forget(self, fact_id: str) -> ForgetReport:
        """Remove a fact from every table, index and file of the home, and prove it.

        Raises StoreError if there is none of that id: other documents are never touched.
        """
        collection = self._collection()
        known = self.rag.store.known_documents(collection.id) if collection else {}
        found = known.get(fact_id) or known.get(_SCHEME + fact_id)
        if found is None:
            raise StoreError(
                f"no fact {fact_id!r} is remembered", hint="`ragent agent memory list` shows them"
            )
        return self.rag.forget(found.id)

    def _collection(self) -> Collection | None:
        return self.rag.store.find_collection(self.collection)

    def _ingest(self, fact: Fact) -> None:
        store, embedder, settings = self.rag.store, self.rag.embedder, self.rag.settings
        # Facts are alike where they matter: "on Monday", "on Tuesday".
        ingest = settings.ingest.model_copy(update={"duplicates": "keep"})
        collection = store.ensure_collection(self.collection, embedder.fingerprint)
        chunker = make_chunker(settings.chunking, embedder)
        ingestor = Ingestor(store, collection, embedder, chunker, ingest, reading=Here())
        report = ingestor.run([Origin(_Remembered(fact))], Callbacks(parse=_parse))
        if report.failed:
            raise StoreError(f"can't remember this: {report.failed[0].error}")

    def _fact(self, document_id: int, uri: str, metadata: Metadata) -> Fact:
        """Only what `remember` wrote may count as the user's own word, whatever a file says of itself."""
        is_own = uri.startswith(_SCHEME) and metadata.get("tainted") is False
        text = self.rag.store.document_text(document_id) or ""
        when = self.rag.store.document_times([document_id]).get(document_id)
        return Fact(uri, text, not is_own, str(metadata.get("run", "")), when)


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A source of one fact."""

    fact: Fact
    uri: str = field(default="memory", init=False)

    def items(self) -> Iterator[Item]:
        """The fact. Its version changes with its taint."""
        yield Item(self.fact.id, f"tainted={self.fact.tainted}")

    def load(self, item: Item) -> RawDocument:
        """As JSON."""
        data = asdict(self.fact) | {"when": None}
        return RawDocument(item.uri, item.uri, json.dumps(data).encode())


def _parse(raw: RawDocument) -> Document:
    data = json.loads(raw.data)
    metadata = {"tainted": data["tainted"], "run": data["run"]}
    return Document(raw.uri, "", data["text"], "text/plain", metadata=metadata)
