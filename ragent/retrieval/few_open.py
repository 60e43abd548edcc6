"""Keeps the indexes of few collections open at a time, however many a home has.

Open indexes hold mapped files, memory, and a thread of tantivy's each.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol
from weakref import ref


class Closable(Protocol):
    """Something that opens by itself when it is used."""

    def close_if_idle(self) -> bool:
        """Release what is open, unless somebody uses it just now; whether that was done. Never waits."""


class FewOpen:
    """Closes what was used longest ago once too much is open. Safe for threads.

    Whatever is in use stays open, so there may be as many more for a while as are used at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        # By weak references: nothing stays open because it is listed here.
        self._open: OrderedDict[ref[Closable], None] = OrderedDict()

    def use(self, what: Closable) -> None:
        """Note that this is used, and whenever it opens."""
        with self._lock:
            self._open[ref(what)] = None
            self._open.move_to_end(ref(what))
            for old in list(self._open)[:-1] if len(self._open) > self._most else ():
                one = old()
                if one is None or (len(self._open) > self._most and one.close_if_idle()):
                    del self._open[old]
