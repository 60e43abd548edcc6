"""Finds documents that repeat another one: by equal bytes, or nearly equal words.

What a document repeats depends on the documents before it alone, not on how they were cut into batches: a run
that was killed and went on decides as an undisturbed one does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from ragent.ingest.minhash import NEAR, VALUES, Signature, band_keys, similarity
from ragent.store import Collection, Duplicate, KnownDocument, Store

_NOBODY = -1


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
        self._repeats: dict[int, tuple[int, float]] = {}
        self._repeated_by: defaultdict[int, set[int]] = defaultdict(set)
        for uri, found in store.duplicates(collection.id).items():
            if uri in self._numbers and found.original in self._numbers:
                self._note(self._numbers[uri], (self._numbers[found.original], found.similarity))

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
        sketches = _Sketches(len(stored) + len(batch))
        for uri, (data, content_hash) in stored.items():
            if uri not in self._numbers:  # another process brought it meanwhile
                self._keep(self._number(uri), content_hash)
            sketches.add(self._numbers[uri], np.frombuffer(data, np.uint32))
        return [self._judge(*one, sketches) for one in batch]

    def _number(self, uri: str) -> int:
        """A document's number, the next one if it is new."""
        number = self._numbers.setdefault(uri, self._next)
        if number == self._next:
            self._next += 1
            self._uris[number] = uri
        return number

    def _judge(self, uri: str, content_hash: str, sketch: Signature, sketches: _Sketches) -> Duplicate | None:
        number = self._number(uri)
        self._part_with(number)
        sketches.drop(number)
        found = self._exact(content_hash) or sketches.nearest(sketch)
        self._keep(number, content_hash)
        if found:
            self._note(number, found)
        if not (found and self._leave_out):
            sketches.add(number, sketch)
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

    def _note(self, number: int, found: tuple[int, float]) -> None:
        self._repeats[number] = found
        self._repeated_by[found[0]].add(number)

    def _part_with(self, number: int) -> None:
        """Forget a document; those that repeat it stand for themselves, or are to be read again."""
        self._equal[self._hashes.pop(number, "")].discard(number)
        original, _ = self._repeats.pop(number, (number, 0.0))
        self._repeated_by[original].discard(number)
        for other in self._repeated_by.pop(number, ()):
            del self._repeats[other]
            if self._leave_out:
                self._equal[self._hashes[other]].discard(other)


class _Sketches:
    """The signatures of up to `most` documents, by number."""

    def __init__(self, most: int) -> None:
        self._numbers = np.zeros(most, np.int64)
        self._rows = np.zeros((most, VALUES), np.uint32)
        self._count = 0

    def add(self, number: int, sketch: Signature) -> None:
        self._numbers[self._count], self._rows[self._count] = number, sketch
        self._count += 1

    def drop(self, number: int) -> None:
        self._numbers[: self._count][self._numbers[: self._count] == number] = _NOBODY

    def nearest(self, sketch: Signature) -> tuple[int, float] | None:
        """The most similar document if it is a near duplicate, of equally similar ones the first."""
        # A signature without a word is equal to any other such one, and says nothing.
        if sketch.min() == np.iinfo(sketch.dtype).max:
            return None
        numbers = self._numbers[: self._count]
        alike = similarity(sketch, self._rows[: self._count]) * (numbers != _NOBODY)
        best = float(alike.max(initial=0.0))
        # Only equal bytes are wholly equal.
        return (int(numbers[alike == best].min()), min(best, 0.999)) if best >= NEAR else None
