"""How right and how complete what is read for the knowledge graph is, on annotated passages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from ragent.corpus.graph.mentions import usage_of
from ragent.corpus.graph.relations import Extraction, extract
from ragent.index.names import normalise
from ragent_evals.estimates import Estimate, Values
from ragent_evals.sets.facts import AnnotatedPassage, Said

_RESAMPLES = 2000
_SEED = 0


def measure_extraction(passages: Sequence[AnnotatedPassage]) -> dict[str, Estimate]:
    """Precision and recall of names, and of relations in words, with intervals over resampled passages.

    Names are compared as the graph does. A relation is right if both ends and their order are, and one label
    holds the other. Pairs that only stand together are no relations here.
    """
    read = cache(lambda text: extract(text, usage_of(text)))
    names = np.array([_counts(_names(one, read(one.text)), map(normalise, one.entities)) for one in passages])
    facts = np.array([_agreeing(_said(one, read(one.text)), one.relations) for one in passages])
    return {**_rates("entity", names), **_rates("relation", facts)}


def _names(passage: AnnotatedPassage, found: Extraction) -> set[str]:
    return {one.key for one in found.mentions if passage.start <= one.start and one.end <= passage.end}


def _said(passage: AnnotatedPassage, found: Extraction) -> list[Said]:
    return [
        (one.source.key, one.label, one.target.key)
        for one in found.relations
        if one.label
        and all(passage.start <= end.start and end.end <= passage.end for end in (one.source, one.target))
    ]


def _counts(found: set[str], wanted: Iterable[str]) -> tuple[int, int, int]:
    """How many are right, found, and to be found."""
    known = set(wanted)
    return len(found & known), len(found), len(known)


def _agreeing(found: Sequence[Said], wanted: Sequence[Said]) -> tuple[int, int, int]:
    known = [(normalise(source), label.casefold(), normalise(target)) for source, label, target in wanted]
    right = [one for one in known if any(_is_same(one, other) for other in found)]
    return len(right), len(found), len(known)


def _is_same(one: Said, other: Said) -> bool:
    return one[::2] == other[::2] and (one[1] in other[1] or other[1] in one[1])


def _rates(name: str, counts: Values) -> dict[str, Estimate]:
    """The two rates over all passages, whose counts of right, found and wanted are rows."""
    drawn = np.random.default_rng(_SEED).integers(0, len(counts), (_RESAMPLES, len(counts)))
    totals, resampled = counts.sum(axis=0), counts[drawn].sum(axis=1)
    found = {}
    for column, rate in ((1, "precision"), (2, "recall")):
        value = totals[0] / max(1, totals[column])
        low, high = np.percentile(resampled[:, 0] / np.maximum(1, resampled[:, column]), [2.5, 97.5])
        found[f"{name}_{rate}"] = Estimate(*(round(float(of), 4) for of in (value, low, high)))
    return found
