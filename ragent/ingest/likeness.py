"""Finds documents that repeat another one: by equal bytes, or nearly equal words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ragent.ingest.minhash import NEAR, Signature, band_keys, similarity
from ragent.store import Collection, Duplicate, KnownDocument, Store


class Likeness:
    """Knows the documents of a collection by hash and signature, those of this run included.

    With `leave_out`, a document that repeats another is compared with nothing later on.
    """

    def __init__(
        self, store: Store, collection: Collection, known: Mapping[str, KnownDocument], *, leave_out: bool
    ) -> None:
        self._store = store
        self._collection = collection
        self._leave_out = leave_out
        repeats = store.duplicates(collection.id)
        self._hashes = {document.uri: document.content_hash for document in known.values()}
        self._first: dict[str, str] = {}
        for document in sorted(known.values(), key=lambda document: document.id):
            if document.uri not in repeats:
                self._first.setdefault(document.content_hash, document.uri)

    def first(self, content_hash: str) -> str | None:
        """The uri of the first document with these bytes."""
        return self._first.get(content_hash)

    def judge(self, batch: Sequence[tuple[str, str, Signature]]) -> list[Duplicate | None]:
        """For each (uri, content hash, signature), in order, the document that it repeats, if any."""
        keys = [band_keys(sketch) for _, _, sketch in batch]
        stored = self._store.alike(self._collection.id, list({key for some in keys for key in some}))
        own = {uri for uri, _, _ in batch}
        kept = {uri: np.frombuffer(data, np.uint32) for uri, data in stored.items() if uri not in own}
        verdicts: list[Duplicate | None] = []
        for uri, content_hash, sketch in batch:
            verdict = self._exact(uri, content_hash) or _nearest(sketch, kept)
            if verdict is None or not self._leave_out:
                kept[uri] = sketch
            verdicts.append(verdict)
        return verdicts

    def _exact(self, uri: str, content_hash: str) -> Duplicate | None:
        before = self._hashes.get(uri)
        if before and before != content_hash and self._first.get(before) == uri:
            del self._first[before]
        self._hashes[uri] = content_hash
        first = self._first.setdefault(content_hash, uri)
        return Duplicate(first, 1.0) if first != uri else None


def _nearest(sketch: Signature, others: Mapping[str, Signature]) -> Duplicate | None:
    compared = ((similarity(sketch, other), uri) for uri, other in others.items())
    best = max(compared, key=lambda pair: pair[0], default=(0.0, ""))
    # A signature without a word is equal to any other such one, and says nothing.
    if best[0] < NEAR or sketch.min() == np.iinfo(sketch.dtype).max:
        return None
    # Only equal bytes are wholly equal.
    return Duplicate(best[1], min(best[0], 0.999))
