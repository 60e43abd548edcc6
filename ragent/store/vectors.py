"""How vectors are stored: little-endian float16, which keeps more digits than bf16 arithmetic yields."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragent.protocols import Vectors

_DTYPE = np.dtype("<f2")


def encode(vectors: Vectors) -> list[bytes]:
    """One value of 2 * dimension bytes a row."""
    return [row.tobytes() for row in np.ascontiguousarray(vectors, dtype=_DTYPE)]


def decode(rows: Sequence[bytes]) -> Vectors:
    """Back to shape (n, dimension), float32. Raises ValueError when rows differ in length."""
    return np.frombuffer(b"".join(rows), _DTYPE).reshape(len(rows), -1).astype(np.float32)
