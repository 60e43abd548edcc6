"""Token vectors of passages that were read before, as many as fit into so much memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np
import xxhash
from numpy.typing import NDArray

Half = NDArray[np.float16]


class TokenCache:
    """Half-precision arrays by text, the least recently used forgotten first. Safe for threads."""

    def __init__(self, max_bytes: int) -> None:
        """Hold no more than `max_bytes`."""
        self._max_bytes = max_bytes
        self._bytes = 0
        self._held: OrderedDict[bytes, Half] = OrderedDict()
        self._lock = Lock()

    def get(self, texts: Sequence[str], make: Callable[[list[str]], list[Half]]) -> list[Half]:
        """The arrays of all texts; `make` is called once for those that aren't held."""
        # By the text, not the chunk's id: the same id may one day be another text.
        keys = [xxhash.xxh3_128_digest(text.encode("utf-8", "surrogatepass")) for text in texts]
        with self._lock:
            found = {key: self._held[key] for key in keys if key in self._held}
            for key in found:
                self._held.move_to_end(key)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            made = dict(zip(missing, make(list(missing.values())), strict=True))
            self._keep(made)
            found |= made
        return [found[key] for key in keys]

    def _keep(self, made: dict[bytes, Half]) -> None:
        with self._lock:
            for key, array in made.items():
                if key not in self._held:
                    self._held[key] = array
                    self._bytes += array.nbytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._held.popitem(last=False)[1].nbytes
