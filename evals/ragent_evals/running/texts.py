"""The texts of a set as a collection of their own, or the collection in use where a set brings none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, unquote

import xxhash

from ragent.config import Settings
from ragent.errors import EvalError, StoreError
from ragent.ingest import Callbacks, Progress
from ragent.rag import Rag
from ragent.store import KnownDocument, Store
from ragent.store.erase import DERIVED_FROM
from ragent.types import Document, Item, RawDocument
from ragent_evals.running.records import ReadText
from ragent_evals.sets.case import EvalSet, Text

PREFIX = "set:"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a set is run on.

    Attributes:
        rag: over the collection that is asked.
        corpus: the digest of its texts.
        prefix: what stands before a text's id in its address; "" where texts are named by their addresses.
    """

    rag: Rag
    corpus: str
    prefix: str = ""

    def text_id(self, uri: str) -> str:
        """What the set calls a document."""
        return unquote(uri.removeprefix(self.prefix)) if self.prefix and uri.startswith(self.prefix) else uri

    def uri(self, text_id: str) -> str:
        """The address of a text."""
        return address(text_id, self.prefix)


def address(text_id: str, prefix: str) -> str:
    """The address of a text: its id itself where there is no prefix."""
    return prefix + quote(text_id) if prefix else text_id


def cache_name(corpus: str, settings: Settings) -> str:
    """A collection for these texts under these settings: a second run finds all of it there."""
    parts = (settings.embedder.model_dump_json(), settings.chunking.model_dump_json(), corpus)
    return "set-" + xxhash.xxh3_64_hexdigest("\n".join(parts).encode())


@contextmanager
def prepared(
    rag: Rag, eval_set: EvalSet, on_progress: Callable[[Progress], None] = lambda progress: None
) -> Iterator[Ground]:
    """What to run a set on. Its texts are brought into a collection of their own, named by their contents.

    Raises:
        EvalError: a text can't be ingested.
        StoreError: the set brings no texts, and the collection in use is empty.
    """
    if not eval_set.texts:
        yield Ground(rag, _corpus_of(rag) if _needs_documents(eval_set) else "")
        return
    name = cache_name(eval_set.corpus, rag.settings)
    with rag.with_settings(rag.settings.model_copy(update={"collection": name})) as own:
        report = own.ingest_sources(
            [_Texts(eval_set.name, eval_set.texts)], Callbacks(_document, on_progress)
        )
        if report.failed:
            first = report.failed[0].error
            raise EvalError(f"{len(report.failed)} texts of {eval_set.name} failed, the first: {first}")
        yield Ground(own, eval_set.corpus, PREFIX)


def reader(store: Store, collection: str, prefix: str) -> ReadText:
    """Reads texts as they stand in a collection now, each of them once."""
    texts: dict[str, str | None] = {}

    @cache
    def known() -> dict[str, KnownDocument]:
        found = store.find_collection(collection)
        return store.known_documents(found.id) if found else {}

    def read(text_id: str) -> str | None:
        if text_id not in texts:
            document = known().get(address(text_id, prefix))
            texts[text_id] = store.document_text(document.id) if document else None
        return texts[text_id]

    return read


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of a set, as a source of documents. Those without a word are left out."""

    name: str
    texts: Mapping[str, Text]

    @property
    def uri(self) -> str:
        return f"{PREFIX}{self.name}"

    def items(self) -> Iterator[Item]:
        """One a text; its version is the hash of its contents."""
        for id_, text in self.texts.items():
            if text.text.strip() or text.title.strip():
                yield Item(address(id_, PREFIX), xxhash.xxh3_128_hexdigest(_encoded(text)))

    def load(self, item: Item) -> RawDocument:
        """The title, the text, and where it was made from another, the id of that, as JSON."""
        id_ = unquote(item.uri.removeprefix(PREFIX))
        return RawDocument(item.uri, item.uri, _encoded(self.texts[id_]))


def _encoded(text: Text) -> bytes:
    return json.dumps([text.title, text.text, *([text.origin] if text.origin else [])]).encode()


def _document(raw: RawDocument) -> Document:
    title, text, *origin = json.loads(raw.data)
    metadata = {DERIVED_FROM: address(origin[0], PREFIX)} if origin else {}
    return Document(raw.uri, title, text if text.strip() else title, "application/json", metadata=metadata)


def _needs_documents(eval_set: EvalSet) -> bool:
    return any(case.kind in ("retrieval", "answer", "turns") for case in eval_set.cases)


def _corpus_of(rag: Rag) -> str:
    """The digest of what the collection in use holds. Raises StoreError while it is empty."""
    documents = rag.store.known_documents(rag.collection.id)
    if not documents:
        raise StoreError(f"collection {rag.settings.collection!r} is empty", hint="first: ragent ingest PATH")
    digest = xxhash.xxh3_128()
    for uri in sorted(documents):
        digest.update(f"{uri}\n{documents[uri].content_hash}\n".encode())
    return digest.hexdigest()
