"""Stays are pairs of nights, the first and the last, both included."""

Stay = tuple[int, int]


def merge(stays: list[Stay]) -> list[Stay]:
    """The nights that are taken, as few stays as possible, in order."""
    merged: list[Stay] = []
    for first, last in sorted(stays):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return merged


def nights(stays: list[Stay]) -> int:
    """How many nights are taken."""
    return sum(last - first + 1 for first, last in merge(stays))
