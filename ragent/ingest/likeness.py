"""Finds documents that repeat another one: by equal bytes, or nearly equal words.

What a document repeats depends on the documents before it alone, not on how they were cut into batches: a run
that was killed and went on decides as an undisturbed one does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from ragent.ingest.minhash import NEAR, Signature, band_keys, similarity
from ragent.store import Collection, Duplicate, KnownDocument, Store


class Likeness:
    """Knows the documents of a collection by hash and signature, as they are after each that is judged.

    With `leave_out`, nothing is compared with what repeats another document, lest a chain of small steps
    leave out a far text.
    """

    def __init__(
        self, store: Store, collection: Collection, known: Mapping[str, KnownDocument], *, leave_out: bool
    ) -> None:
        self._store = store
        self._collection = collection
        self._leave_out = leave_out
        # Documents have numbers, which outlast a move: their ids, and then higher ones in order of arrival.
        self._numbers = {document.uri: document.id for document in known.values()}
        self._uris = {number: uri for uri, number in self._numbers.items()}
        self._next = max(self._uris, default=0) + 1
        self._hashes: dict[int, str] = {}
        self._equal: defaultdict[str, set[int]] = defaultdict(set)
        for document in known.values():
            self._keep(document.id, document.content_hash)
        self._repeats = {
            self._numbers[uri]: (self._numbers[found.original], found.similarity)
            for uri, found in store.duplicates(collection.id).items()
            if uri in self._numbers and found.original in self._numbers
        }

    def move(self, before: str, uri: str) -> None:
        """A document has another uri from now on."""
        self._numbers[uri] = self._numbers[before]
        self._uris[self._numbers[uri]] = uri

    def remove(self, uri: str) -> None:
        """A document is gone."""
        self._part_with(self._numbers[uri])

    def judge(self, batch: Sequence[tuple[str, str, Signature]]) -> list[Duplicate | None]:
        """For each (uri, content hash, signature), in order, the document that it repeats, if any."""
        keys = {key for _, _, sketch in batch for key in band_keys(sketch)}
        stored = self._store.alike(self._collection.id, list(keys))
        sketches = {self._numbers[uri]: np.frombuffer(data, np.uint32) for uri, data in stored.items()}
        return [self._judge(*one, sketches) for one in batch]

    def _judge(
        self, uri: str, content_hash: str, sketch: Signature, sketches: dict[int, Signature]
    ) -> Duplicate | None:
        number = self._numbers.get(uri, self._next)
        if number == self._next:
            self._next += 1
            self._numbers[uri], self._uris[number] = number, uri
        self._part_with(number)
        sketches.pop(number, None)
        found = self._exact(content_hash) or _nearest(sketch, sketches)
        self._keep(number, content_hash)
        if found:
            self._repeats[number] = found
        if not (found and self._leave_out):
            sketches[number] = sketch
        return Duplicate(self._uris[found[0]], found[1]) if found else None

    def _exact(self, content_hash: str) -> tuple[int, float] | None:
        equal = [number for number in self._equal[content_hash] if not self._is_passed_over(number)]
        return (min(equal), 1.0) if equal else None

    def _is_passed_over(self, number: int) -> bool:
        """Whether a document is represented by the one that it repeats."""
        _, similarity = self._repeats.get(number, (0, 0.0))
        return similarity >= (NEAR if self._leave_out else 1.0)

    def _keep(self, number: int, content_hash: str) -> None:
        self._hashes[number] = content_hash
        if content_hash:
            self._equal[content_hash].add(number)

    def _part_with(self, number: int) -> None:
        """Forget a document; those that repeat it stand for themselves, or are to be read again."""
        self._equal[self._hashes.pop(number, "")].discard(number)
        self._repeats.pop(number, None)
        for other in [other for other, (original, _) in self._repeats.items() if original == number]:
            del self._repeats[other]
            if self._leave_out:
                self._equal[self._hashes[other]].discard(other)


def _nearest(sketch: Signature, others: Mapping[int, Signature]) -> tuple[int, float] | None:
    """The most similar document, of equally similar ones the first."""
    # A signature without a word is equal to any other such one, and says nothing.
    if not others or sketch.min() == np.iinfo(sketch.dtype).max:
        return None
    numbers = np.array(sorted(others))
    alike = similarity(sketch, np.array([others[number] for number in numbers.tolist()]))
    best = int(alike.argmax())
    # Only equal bytes are wholly equal.
    return (int(numbers[best]), min(float(alike[best]), 0.999)) if alike[best] >= NEAR else None
