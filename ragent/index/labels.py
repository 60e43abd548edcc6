"""Which id stands at which position of a FAISS index, and which of them were removed."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from ragent.protocols import Ids

NO_IDS: Ids = np.empty(0, dtype=np.int64)


class Labels:
    """Ids by position. They ascend, so that a binary search finds an id's position."""

    def __init__(self, ids: Ids = NO_IDS, dead: Ids = NO_IDS) -> None:
        self.ids = NO_IDS
        self._live = np.empty(0, dtype=bool)
        self.append(ids)
        self.remove(dead)

    @property
    def dead(self) -> Ids:
        return self.ids[~self._live]

    def append(self, ids: Ids) -> None:
        """Raises ValueError unless the ids go on ascending."""
        grown = np.concatenate([self.ids, np.asarray(ids, dtype=np.int64)])
        if np.any(np.diff(grown) <= 0):
            raise ValueError("ids of an index must ascend")
        self.ids = grown
        self._live = np.concatenate([self._live, np.ones(len(ids), dtype=bool)])

    def remove(self, ids: Ids) -> None:
        """Mark ids as dead; unknown ones are passed over."""
        positions = self.positions(ids)
        self._live[positions[positions >= 0]] = False

    def positions(self, ids: Ids) -> Ids:
        """The position of each id, -1 for an unknown one."""
        if not len(self.ids):
            return np.full(len(ids), -1, dtype=np.int64)
        found = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[found] == ids, found, -1)

    def name(self, positions: Ids) -> Ids:
        """The id at each position; -1 stays -1."""
        return np.where(positions >= 0, self.ids[positions], -1) if len(self.ids) else positions

    def allowed(self, among: Ids | None) -> NDArray[np.bool_]:
        """Which positions may be found: the live ones, those of `among` where it is given."""
        if among is None:
            return self._live
        positions = self.positions(among)
        allowed = np.zeros(len(self.ids), dtype=bool)
        allowed[positions[positions >= 0]] = True
        return allowed & self._live

    def count(self, among: Ids | None) -> int:
        """How many may be found."""
        return int(np.count_nonzero(self.allowed(among)))

    def selector(self, among: Ids | None) -> Any:
        """A FAISS selector of the positions that may be found, or None where all may."""
        allowed = self.allowed(among)
        return None if allowed.all() else faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
