"""Labelled pairs of records: JSON Lines of {left, right, label}, label 1 for the same thing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ragent.corpus.matching import Pair, Record
from ragent.corpus.matching.tables import text_of
from ragent.errors import EvalError


@dataclass(frozen=True, slots=True)
class LabelledPairs:
    """The distinct records of either side, the pairs of their rows, and for each whether they match."""

    name: str
    lefts: tuple[Record, ...]
    rights: tuple[Record, ...]
    pairs: tuple[Pair, ...]
    labels: tuple[bool, ...]


def read_pairs(path: Path) -> LabelledPairs:
    """Read such a file. Raises EvalError for a line that is none."""
    sides: tuple[dict[tuple[tuple[str, str], ...], int], ...] = {}, {}
    pairs: list[Pair] = []
    labels: list[bool] = []
    if not path.is_file():
        raise EvalError(f"there is no file {path}", hint="name JSON Lines of {left, right, label}")
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
            records = [tuple((name, text_of(value)) for name, value in case[side].items()) for side in _SIDES]
            labels.append(bool(int(case["label"])))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EvalError(
                f"{path}, line {number}: {error!r}", hint="each line is an object {left, right, label}"
            ) from None
        left, right = (rows.setdefault(of, len(rows)) for rows, of in zip(sides, records, strict=True))
        pairs.append((left, right))
    if not pairs:
        raise EvalError(f"{path} holds no pairs", hint="each line is an object {left, right, label}")
    lefts, rights = (tuple(dict(record) for record in rows) for rows in sides)
    return LabelledPairs(path.stem, lefts, rights, tuple(pairs), tuple(labels))


_SIDES = "left", "right"
