"""Makes up for names that an older ragent didn't extract, or extracted in another way."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

import numpy as np

from ragent.errors import StoreError
from ragent.index.names import decode_names, encode_names
from ragent.protocols import Ids
from ragent.store import Collection, Problem, Snapshot, Store

_A_TIME = 5000

_log = logging.getLogger(__name__)


def complete_names(store: Store, collection: Collection, held: Mapping[int, bytes | None]) -> dict[int, Ids]:
    """The keys of the names in each chunk, by chunk id, of the chunks of `held` that are still there.

    What is missing is extracted, and noted where the database can be written.
    """
    found: dict[int, Ids] = {}
    missing = []
    for chunk, data in held.items():
        keys = None if data is None else decode_names(data)
        if keys is None:
            missing.append(chunk)
        else:
            found[chunk] = keys
    for first in range(0, len(missing), _A_TIME):
        some = missing[first : first + _A_TIME]
        passages = store.passages(collection.id, some)
        made = {id_: encode_names(passage.context, passage.text) for id_, passage in passages.items()}
        found.update((id_, _keys(data)) for id_, data in made.items())
        try:
            store.note_names(made)
        except StoreError as error:
            _log.info("the names in chunks aren't kept: %s", error)
    return found


def renew_names(store: Store, collection: Collection) -> None:
    """Extract the names of every chunk anew, and note those that come out otherwise."""
    with store.snapshot(collection) as snapshot:
        wrong = dict(_wrong(snapshot))
    complete_names(store, collection, dict.fromkeys(wrong))


def check_names(snapshot: Snapshot, where: str) -> list[Problem]:
    """Chunks whose names, as far as they were extracted, are not those of their text."""
    wrong = [id_ for id_, is_there in _wrong(snapshot) if is_there]
    if not wrong:
        return []
    return [Problem(where, f"{len(wrong)} chunks hold names that aren't in them", "ragent index rebuild")]


def _wrong(snapshot: Snapshot) -> Iterator[tuple[int, bool]]:
    """Ids of chunks with wrong or no names, and whether there are any."""
    held = {chunk: data for rows in snapshot.named() for chunk, _, data in rows}
    for texts in snapshot.texts(0):
        for text in texts:
            data = held.get(text.chunk_id)
            if data != encode_names(text.context, text.text):
                yield text.chunk_id, data is not None and decode_names(data) is not None


def _keys(data: bytes) -> Ids:
    keys = decode_names(data)
    return np.empty(0, np.int64) if keys is None else keys
