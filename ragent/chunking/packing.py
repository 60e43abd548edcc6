"""Packs atoms into chunks: the cheapest segmentation by dynamic programming.

A chunk costs what its size is off the mark, plus what it costs to part where it ends, plus what it costs to
run over the headings inside it. The cheapest sequence is exact (Bellman; as in Knuth and Plass's line
breaking), so no greedy leftovers of five tokens remain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragent.chunking.atoms import Atom, Seam
from ragent.chunking.weights import Weights

_PART = {Seam.SECTION: 0.0, Seam.BLOCK: 0.1, Seam.LINE: 0.2, Seam.SENTENCE: 0.4, Seam.WORD: 1.0}
_ORPHAN = 2.0
_OVERSIZE = 4.0
_CROSS_CHILD = 0.2
_CROSS_SIBLING = 0.4
_CROSS_TOP = 0.8
_WINDOW = 64


@dataclass(frozen=True, slots=True)
class Sizes:
    """In tokens: what a chunk should have, and the most each atom's chunk may have if it begins there."""

    target: int
    limits: Sequence[int]


def pack(atoms: Sequence[Atom], weights: Weights, sizes: Sizes) -> list[tuple[int, int]]:
    """Ranges of atoms, one a chunk. A chunk is over its limit only where a single atom is."""
    begins = [weights.before(atom.start) for atom in atoms]
    ends = [weights.before(atom.end) for atom in atoms]
    part, cross = _seam_costs(atoms)
    best = [0.0] + [float("inf")] * len(atoms)
    back = [0] * (len(atoms) + 1)
    top = max(sizes.limits, default=0)
    for end in range(1, len(atoms) + 1):
        parting = part[end] if end < len(atoms) else 0.0
        for start in range(end - 1, max(-1, end - 1 - _WINDOW), -1):
            size = ends[end - 1] - begins[start]
            single = start == end - 1
            if size > top and not single:
                break
            if size > sizes.limits[start] and not single:
                continue
            cost = best[start] + _size_cost(size, sizes.target) + parting + cross[end] - cross[start + 1]
            if cost < best[end]:
                best[end], back[end] = cost, start
    return _ranges(back)


def _ranges(back: Sequence[int]) -> list[tuple[int, int]]:
    ranges = []
    end = len(back) - 1
    while end > 0:
        ranges.append((back[end], end))
        end = back[end]
    return ranges[::-1]


def _size_cost(size: int, target: int) -> float:
    half = target / 2
    if size < half:
        return ((half - size) / half) ** 2
    return _OVERSIZE * ((size - target) / target) ** 2 if size > target else 0.0


def _seam_costs(atoms: Sequence[Atom]) -> tuple[list[float], list[float]]:
    """For each atom the cost of a chunk that begins at it, and the summed costs of running over seams.

    `cross[j] - cross[i + 1]` is the cost of the seams inside a chunk of atoms i to j - 1.
    """
    part = [0.0] * len(atoms)
    cross = [0.0] * (len(atoms) + 1)
    for index in range(1, len(atoms)):
        before, atom = atoms[index - 1], atoms[index]
        bare = before.heading and not (atom.heading and len(atom.path) <= len(before.path))
        part[index] = _ORPHAN if bare else _PART[atom.seam]
        over = _crossing(before.path, atom.path) if atom.seam is Seam.SECTION and not bare else 0.0
        cross[index + 1] = cross[index] + over
    return part, cross


def _crossing(left: tuple[str, ...], right: tuple[str, ...]) -> float:
    """What it costs to have two sections in one chunk."""
    if right[: len(left)] == left:
        return _CROSS_CHILD
    shared = 0
    while shared < min(len(left), len(right)) and left[shared] == right[shared]:
        shared += 1
    if shared == 0:
        return _CROSS_TOP
    return _CROSS_SIBLING
