"""Grouping texts of like length, so that little is computed for padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that run together. `rows` are their places in the caller's order.

    `ids` (int32) and `mask` (float32, 1 for a token) have shape (len(rows), length).
    """

    rows: NDArray[np.intp]
    ids: NDArray[np.int32]
    mask: NDArray[np.float32]


def batches(ids: Sequence[Sequence[int]], *, tokens: int) -> Iterator[Batch]:
    """Sort texts by length, longest first, and cut them into batches, each padded to its longest text.

    Args:
        ids: Token ids of each text.
        tokens: The most tokens of a batch, padding included (one text may exceed it alone).
    """
    lengths = np.array([len(one) for one in ids], dtype=np.intp)
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        width = int(lengths[order[start]])
        rows = order[start : start + max(1, tokens // width)]
        yield _pad(rows, [ids[row] for row in rows], width)
        start += len(rows)


def _pad(rows: NDArray[np.intp], ids: Sequence[Sequence[int]], width: int) -> Batch:
    padded = np.zeros((len(ids), width), dtype=np.int32)
    mask = np.zeros((len(ids), width), dtype=np.float32)
    for row, one in enumerate(ids):
        padded[row, : len(one)] = one
        mask[row, : len(one)] = 1
    return Batch(rows, padded, mask)
