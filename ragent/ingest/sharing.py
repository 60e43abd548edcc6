"""One process's part in an ingestion that several work on: what it has in hand, and what it leaves to others.

They share one PostgreSQL database, and know of each other by its leases alone. With SQLite there are none:
there, each process does it all, and what another was faster with is passed over when it is written.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Collection as Several
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from types import TracebackType
from typing import Self

from ragent.errors import StoreError
from ragent.ingest.deciding import Decider, Step
from ragent.ingest.listing import Listed
from ragent.ingest.processes import MOST_AHEAD
from ragent.ingest.work import Task
from ragent.store import Collection, Held, Leases, Store

_ITEMS_A_CLAIM = 16
_ITEMS_AHEAD = 64
_RENEWALS = 3
"""So often a lease is renewed before it would run out."""


class Sharing:
    """Claims items some at a time as they are taken up, and holds them until what came of them is committed.

    Use it in a `with`: leases are renewed by a thread meanwhile, and given back at the end.
    """

    def __init__(self, store: Store, collection: Collection, seconds: float) -> None:
        self._store = store
        self._collection_id = collection.id
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"
        self._leases = (
            Leases(store.database, collection.id, holder, seconds) if store.database.is_postgresql else None
        )
        self._mine: set[str] = set()
        self._left: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="ragent-leases", daemon=True)

    def __enter__(self) -> Self:
        if self._leases:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._leases is None:
            return
        self._thread.join()
        with suppress(StoreError):  # they end by themselves where the server is gone
            self._leases.give_back()

    def steps(self, listed: Iterable[Listed], decider: Decider) -> Iterator[tuple[Step, Task | None]]:
        """The decider's steps, of those items that there is something to do with, but for others' items."""
        if self._leases is None:
            yield from decider.steps(listed)
            return
        rest = iter(listed)
        while bunch := list(islice(rest, _ITEMS_A_CLAIM)):
            wanted = [one.item.uri for one in bunch if not decider.is_settled(one)]
            mine = self._claim(wanted, decider) if wanted else set()
            others = set(wanted) - mine
            self._left |= others
            yield from decider.steps(one for one in bunch if one.item.uri not in others)

    def held(self, finished: Several[str], unfinished: Several[str]) -> Held | None:
        """The leases that a batch is written under, which brings all that came of `finished`."""
        if self._leases is None:
            return None
        mine = frozenset(self._mine)
        return Held(self._leases.holder, mine.intersection(finished), mine.intersection(unfinished))

    def part_with(self, finished: Several[str], lost: Several[str]) -> None:
        """What is done is out of hand; what was lost to others is to be looked at again."""
        self._mine.difference_update(finished)
        self._left.update(lost)

    def take_left(self) -> set[str]:
        """The items that others had in hand, or took, and haven't any more; the rest is kept for later."""
        held = self._leases.held_by_others(self._left) if self._leases and self._left else set()
        free = self._left - held
        self._left -= free
        return free

    @property
    def most_ahead(self) -> int:
        """How many items to read ahead: few where others could read them meanwhile."""
        return _ITEMS_AHEAD if self._leases else MOST_AHEAD

    @property
    def has_left(self) -> bool:
        """Whether others have, or had, anything in hand that isn't known to be done."""
        return bool(self._left)

    def _claim(self, uris: Sequence[str], decider: Decider) -> set[str]:
        """Those of these that are ours from now on. What others brought of them until now is known then."""
        if self._leases is None:
            return set()
        mine = self._leases.claim(uris)
        self._mine |= mine
        decider.learn(mine, self._store.known_documents(self._collection_id, sorted(mine)))
        return mine

    def _renew(self) -> None:
        while self._leases and not self._over.wait(self._leases.seconds / _RENEWALS):
            with suppress(StoreError):  # the next one may reach the server
                self._leases.renew()
