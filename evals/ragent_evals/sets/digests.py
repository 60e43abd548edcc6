"""Versions: digests that tell sets and texts apart by what they hold, not by how it is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import xxhash

from ragent_evals.sets.case import Case, Text
from ragent_evals.sets.lines import case_line


def version_of(cases: Iterable[Case]) -> str:
    """Of cases, whatever their order and the order of their keys; the split they are of doesn't count."""
    digest = xxhash.xxh3_128()
    for case in sorted(cases, key=lambda case: case.id):
        line = case_line(case)
        line.pop("split", None)
        digest.update(json.dumps(line, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def corpus_of(texts: Mapping[str, Text]) -> str:
    """Of texts, whatever their order; "" without any."""
    if not texts:
        return ""
    digest = xxhash.xxh3_128()
    for id_, text in sorted(texts.items()):
        digest.update(json.dumps([id_, text.title, text.text]).encode() + b"\n")
    return digest.hexdigest()
