"""Says what a set holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ragent_evals.sets.choosing import MADE_SPLITS, group_of, split_of
from ragent_evals.sets.opening import ReadSet, read_set, selected

_MOST_GROUPS_SHOWN = 3


def describe(path: Path, split: str | None = None) -> dict[str, Any]:
    """What there is to know of a set (of a BEIR folder: of one split, if it is named) before it is run.

    Raises:
        EvalError: it can't be used.
    """
    read = read_set(path, split)
    whole = selected(read)
    slices: dict[str, Counter[str]] = {}
    for case in read.cases:
        for name, value in case.slices.items():
            slices.setdefault(name, Counter())[value] += 1
    return {
        "set": read.name,
        "layout": read.layout,
        "version": whole.version,
        "corpus": whole.corpus,
        "cases": len(read.cases),
        "kinds": dict(Counter(case.kind for case in read.cases)),
        "impossible": sum(case.is_impossible for case in read.cases),
        "to_label": read.to_label,
        "splits": _splits(read),
        "slices": {name: dict(counts.most_common()) for name, counts in slices.items()},
        "texts": len(whole.texts),
        "problems": list(_problems(read)),
    }


def _splits(read: ReadSet) -> dict[str, int]:
    """Those that are named, or those that would be made."""
    named = Counter(case.split for case in read.cases)
    if set(named) != {""}:
        return dict(named)
    made = Counter(split_of(group_of(case, read.texts)) for case in read.cases)
    return {split: made[split] for split in MADE_SPLITS if made[split]}


def _problems(read: ReadSet) -> Iterator[str]:
    """What doesn't keep a set from being used, but may make its figures mislead."""
    asked = [case for case in read.cases if case.kind in ("answer", "retrieval")]
    repeated = [
        text
        for text, count in Counter(case.question for case in asked if not case.given).items()
        if count > 1
    ]
    if repeated:
        yield f"{len(repeated)} questions are asked more than once, such as {repeated[0]!r}"
    groups: dict[str, set[str]] = {}
    for case in read.cases:
        if case.split:
            groups.setdefault(group_of(case, read.texts), set()).add(case.split)
    shared = [group for group, splits in groups.items() if len(splits) > 1]
    if shared:
        told = ", ".join(map(repr, shared[:_MOST_GROUPS_SHOWN]))
        yield f"{len(shared)} groups lie in several splits, such as {told}: one split tells of the other"
    if asked and not any(case.is_impossible for case in asked) and any(c.kind == "answer" for c in asked):
        yield "every question has an answer: whether ragent knows when to be silent can't be measured"
    empty = [id_ for id_, text in read.texts.items() if not text.text.strip()]
    if empty:
        yield f"{len(empty)} texts are empty, such as {empty[0]!r}"
