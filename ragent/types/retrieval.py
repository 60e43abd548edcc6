"""Queries, and what is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ragent.filters import Filter
from ragent.types.documents import Metadata

SearchMode = Literal["hybrid", "dense", "keyword"]

QueryKind = Literal["phrase", "code", "question", "short", "statement"]


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, where the words and the meaning may be said apart.

    Attributes:
        text: what the keyword side looks for, and what rerankers read.
        meanings: what is embedded instead of `text`, as if it were a document; vectors are averaged.
        vector: what the dense side looks for, shape (dimension,); then nothing is embedded.
        dense_weight: the dense side's share in a convex fusion, 0 to 1; None: as the settings say.
    """

    text: str
    meanings: tuple[str, ...] = ()
    vector: NDArray[np.float32] | None = field(default=None, compare=False)
    dense_weight: float | None = None


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search. What is None is as the settings say.

    Attributes:
        mode: which engines search.
        where: only what meets this filter is found.
        rerank: names of rerankers, which see the best hits one after the other; (): none.
        technique: names of query techniques, each of which searches with the next; (): none.
        by_document: the best hit of each document only.
        explain: each hit says why it was found.
    """

    mode: SearchMode | None = None
    where: Filter | None = None
    rerank: tuple[str, ...] | None = None
    technique: tuple[str, ...] | None = None
    by_document: bool = False
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a hit stands where it does.

    Attributes:
        dense: the cosine with the query; None where the dense side didn't search.
        keyword: the BM25 score; None likewise.
        terms: what each word (and quoted phrase) of the query contributed to `keyword`; only if asked for.
        fused: both as one score, with the affinity.
        affinity: the cosine with what the best two have in common; None where that doesn't count.
        fusion: how, in figures; only if asked for.
        stages: the score after each technique and reranker, by name, in order.
    """

    dense: float | None
    keyword: float | None
    fused: float
    terms: Mapping[str, float] = field(default_factory=dict)
    fusion: str = ""
    affinity: float | None = None
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found, with where it stood. Higher scores are better; ranks count from 1.

    `explanation` is there when the search was to explain itself, and for query techniques.
    """

    rank: int
    score: float
    chunk_id: int
    document_id: int
    uri: str
    title: str
    page: int | None
    start: int
    end: int
    text: str
    context: str
    metadata: Metadata
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, and the plan: which engines ran, with how many candidates, in what time.

    `relevance` is the probability that the hits bear on the query at all; None where one engine alone ran.
    """

    query: str
    hits: tuple[Hit, ...]
    plan: Mapping[str, Any]
    relevance: float | None = None
