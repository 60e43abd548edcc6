"""Leases on items, by which processes that ingest into one PostgreSQL database share the work.

An item belongs to who holds its lease, until that is given back with the batch that brings what came of it,
or expires by the server's clock, the only one that is asked: those of the clients may jump. Nobody waits for
a lease that another has in hand (SKIP LOCKED).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from ragent.store.database import Database
from ragent.store.rows import Held
from ragent.store.tables import LeaseRow

_URIS_A_QUERY = 500
_LONG_AGO = timedelta(days=1)
_KEY = (LeaseRow.collection_id, LeaseRow.uri)


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases of one holder in one collection; each lasts `seconds` after it was taken or renewed."""

    database: Database
    collection_id: int
    holder: str
    seconds: float

    def claim(self, uris: Collection[str]) -> set[str]:
        """Those of these items that are the holder's from now on: nobody has them, or their lease ran out."""
        mine: set[str] = set()
        with self.database.engine.begin() as connection:
            # All take them in the same order, and so never wait for each other in a circle.
            for some in _portions(sorted(uris)):
                ended = self._unlocked((LeaseRow.expires_at < func.now()) & LeaseRow.uri.in_(some))
                connection.execute(delete(LeaseRow).where(tuple_(*_KEY).in_(ended)))
                taken = connection.scalars(_among(self.collection_id, some)).all()
                rows = [self._row(uri) for uri in sorted(set(some).difference(taken))]
                if rows:
                    made = insert(LeaseRow).values(rows).on_conflict_do_nothing()
                    mine.update(connection.scalars(made.returning(LeaseRow.uri)))
        return mine

    def renew(self) -> None:
        """Have what is held last longer. What ran out and went to others stays theirs."""
        held = self._unlocked(LeaseRow.holder == self.holder)
        with self.database.engine.begin() as connection:
            longer = update(LeaseRow).where(tuple_(*_KEY).in_(held))
            connection.execute(longer.values(expires_at=self._end))

    def held_by_others(self, uris: Collection[str]) -> set[str]:
        """Those of these items that somebody else has in hand."""
        theirs = (LeaseRow.holder != self.holder) & (LeaseRow.expires_at >= func.now())
        held: set[str] = set()
        with self.database.engine.begin() as connection:
            for some in _portions(sorted(uris)):
                held.update(connection.scalars(_among(self.collection_id, some).where(theirs)))
        return held

    def give_back(self) -> None:
        """End all that is held, and what died long ago: nobody may ever ask for those items again."""
        dead = LeaseRow.expires_at < func.now() - _LONG_AGO
        over = self._unlocked((LeaseRow.holder == self.holder) | dead)
        with self.database.engine.begin() as connection:
            connection.execute(delete(LeaseRow).where(tuple_(*_KEY).in_(over)))

    @property
    def _end(self) -> Any:
        return func.now() + timedelta(seconds=self.seconds)

    def _row(self, uri: str) -> dict[str, Any]:
        key = {"collection_id": self.collection_id, "uri": uri}
        return key | {"holder": self.holder, "expires_at": self._end}

    def _unlocked(self, which: ColumnElement[bool]) -> Any:
        """The keys of such leases, which are then locked, but for those that others have locked."""
        keys: Any = select(*_KEY).where(LeaseRow.collection_id == self.collection_id, which)
        return keys.with_for_update(skip_locked=True)


def settle(connection: Connection, collection_id: int, held: Held) -> frozenset[str]:
    """Lock the leases that a batch is written under, and end those of what it finishes.

    Gives the items that aren't the holder's any more: their lease ran out, and another has them, or had.
    """
    found: set[str] = set()
    for some in _portions(sorted(held.finished)):
        ended = delete(LeaseRow).where(
            LeaseRow.collection_id == collection_id, LeaseRow.uri.in_(some), LeaseRow.holder == held.holder
        )
        found.update(connection.scalars(ended.returning(LeaseRow.uri)))
    for some in _portions(sorted(held.unfinished)):
        mine = _among(collection_id, some).where(LeaseRow.holder == held.holder)
        found.update(connection.scalars(mine.with_for_update()))
    return frozenset({*held.finished, *held.unfinished} - found)


def _among(collection_id: int, uris: list[str]) -> Select[Any]:
    return select(LeaseRow.uri).where(LeaseRow.collection_id == collection_id, LeaseRow.uri.in_(uris))


def _portions(uris: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(uris), _URIS_A_QUERY):
        yield uris[first : first + _URIS_A_QUERY]
