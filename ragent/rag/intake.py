"""What ingest, sync and watch share: sources by their arguments, and one way into the collection."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ragent.chunking import make_chunker
from ragent.config import Settings
from ragent.embedding import open_embedder
from ragent.errors import RagentError, SourceError
from ragent.ingest import Callbacks, Ingestor, Options, Origin
from ragent.ingest.choosing import absolute, open_source
from ragent.ingest.secrets import without_secrets
from ragent.ingest.unpacking import unpack
from ragent.ingest.work import describe
from ragent.protocols import Embedder, Source
from ragent.store import Collection, KnownSource, Store
from ragent.types import DocumentReport, Failure, IngestReport, Item, RawDocument, UnpackLimits


@dataclass(frozen=True, slots=True)
class Vanished:
    """A local source that isn't there any more, though the folder that held it is: it lists nothing."""

    uri: str

    def items(self) -> Iterator[Item]:
        """Nothing."""
        return iter(())

    def load(self, item: Item) -> RawDocument:
        """Nothing can be loaded. Raises SourceError."""
        raise SourceError(f"can't read {item.uri}: it isn't there")


@dataclass(frozen=True, slots=True)
class Intake:
    """Brings sources into the collection in use."""

    store: Store
    embedder: Embedder
    settings: Settings

    def run(self, origins: Sequence[Origin], callbacks: Callbacks, options: Options) -> IngestReport:
        """Ingest. Raises EmbedderMismatch, StoreError."""
        chunker = make_chunker(self.settings.chunking, self.embedder)
        ingestor = Ingestor(self.store, self._collection(), self.embedder, chunker, self.settings.ingest)
        if self.settings.ingest.engine == "local" or options.dry_run:
            return ingestor.run(origins, callbacks, options)
        from ragent.ingest.cluster import Cluster

        embedder = self.settings.embedder.model_copy(update={"threads": 1})
        load = functools.partial(open_embedder, embedder)
        with Cluster(self.settings.ingest, self.embedder, load) as cluster:
            spread = replace(ingestor, embedder=cluster.embedder, reading=cluster)
            return spread.run(origins, callbacks, options)

    def ingest(self, arguments: Sequence[str], callbacks: Callbacks, options: Options) -> IngestReport:
        """Ingest what the arguments name, and remember those that could be listed. Raises SourceError.

        What is remembered holds no secret, and names the same from any folder.
        """
        sources = {}
        for argument in map(absolute, arguments):
            sources[without_secrets(argument)] = open_source(argument, max_bytes=self._max_bytes)
        collection = self._collection()
        known = {source.argument: source for source in self.store.known_sources(collection.id)}
        origins = []
        for argument, source in sources.items():
            cursor = known[argument].cursor if argument in known else None
            origins.append(Origin(source, self.store.remember_source(collection, argument), cursor))
        report = self.run(origins, self._with_archives(callbacks), options)
        unlisted = {failure.uri for failure in report.failed}
        for argument, origin in zip(sources, origins, strict=True):
            if argument not in known and origin.id and origin.source.uri in unlisted:
                self.store.drop_source(origin.id)
        return report

    def sync(self, callbacks: Callbacks, options: Options) -> IngestReport:
        """Bring every known source up to date.

        Raises:
            StoreError: nothing was ingested yet.
        """
        collection = self.store.require_collection(self.settings.collection)
        origins, failed = [], []
        for known in self.store.known_sources(collection.id):
            try:
                origins.append(Origin(self._reopened(known), known.id, known.cursor))
            except RagentError as error:
                failed.append(Failure(known.argument, describe(error)))
                callbacks.on_document(DocumentReport(known.argument, "failed", detail=describe(error)))
        report = self.run(origins, self._with_archives(callbacks), options)
        if options.delete and not options.dry_run and not report.interrupted:
            kept = {failure.uri for failure in report.failed}
            for origin in origins:
                if isinstance(origin.source, Vanished) and origin.id and origin.source.uri not in kept:
                    self.store.drop_source(origin.id)
        return replace(report, failed=(*failed, *report.failed))

    def _collection(self) -> Collection:
        return self.store.ensure_collection(self.settings.collection, self.embedder.fingerprint)

    def _reopened(self, known: KnownSource) -> Source:
        path = Path(unquote(urlsplit(known.argument).path))
        if known.argument.startswith("file:") and not path.exists() and path.parent.is_dir():
            return Vanished(known.argument)
        return open_source(known.argument, max_bytes=self._max_bytes)

    def _with_archives(self, callbacks: Callbacks) -> Callbacks:
        limits = UnpackLimits(member_bytes=self._max_bytes)
        return replace(callbacks, unpack=functools.partial(unpack, limits=limits))

    @property
    def _max_bytes(self) -> int:
        return int(self.settings.ingest.max_file_mb * 1_000_000)
