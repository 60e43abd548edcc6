"""Which id stands at which position of a FAISS index, and which of them were removed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ragent.protocols import Ids

NO_IDS: Ids = np.empty(0, dtype=np.int64)


class Labels:
    """Ids by position. They ascend, so that a binary search finds an id's position."""

    def __init__(self, ids: Ids = NO_IDS, dead: Ids = NO_IDS) -> None:
        self.ids = NO_IDS
        self._live = np.empty(0, dtype=bool)
        self._live_count = 0
        self.append(ids)
        self.remove(dead)

    @property
    def dead(self) -> Ids:
        return self.ids[~self._live]

    @property
    def live_count(self) -> int:
        return self._live_count

    @property
    def live_positions(self) -> Ids:
        """Ascending."""
        return np.flatnonzero(self._live)

    def append(self, ids: Ids) -> None:
        """Raises ValueError unless the ids go on ascending."""
        joined = np.concatenate([self.ids[-1:], np.asarray(ids, dtype=np.int64)])
        if np.any(np.diff(joined) <= 0):
            raise ValueError("ids of an index must ascend")
        self.ids = np.concatenate([self.ids, np.asarray(ids, dtype=np.int64)])
        self._live = np.concatenate([self._live, np.ones(len(ids), dtype=bool)])
        self._live_count += len(ids)

    def remove(self, ids: Ids) -> None:
        """Mark ids as dead; unknown ones are passed over."""
        positions = self.positions(ids)
        self._live[positions[positions >= 0]] = False
        self._live_count = int(np.count_nonzero(self._live))

    def positions(self, ids: Ids) -> Ids:
        """The position of each id, -1 for an unknown one."""
        if not len(self.ids):
            return np.full(len(ids), -1, dtype=np.int64)
        found = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[found] == ids, found, -1)

    def name(self, positions: Ids) -> Ids:
        """The id at each position; -1 stays -1."""
        return np.where(positions >= 0, self.ids[positions], -1) if len(self.ids) else positions

    def mask(self, among: Ids | None) -> NDArray[np.bool_] | None:
        """Which positions may be found: the live ones, those of `among` where it is given. None: all may."""
        if among is None:
            return None if self._live_count == len(self.ids) else self._live
        positions = self.positions(among)
        mask = np.zeros(len(self.ids), dtype=bool)
        mask[positions[positions >= 0]] = True
        return mask & self._live
