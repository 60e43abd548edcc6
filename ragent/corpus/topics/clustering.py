"""Groups of vectors by spherical k-means (Dhillon and Modha 2001), and how many there should be."""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from ragent.protocols import Vectors

Groups = NDArray[np.int64]

_ROUNDS = 25
_TRIES = 3
_SEED = 1
_SAMPLE = 1000
_FEWEST, _MOST = 2, 30
_PER_GROUP = 4


@dataclass(frozen=True, slots=True)
class Clustering:
    """The group of each vector, shape (n,), and the groups' middles, shape (count, dimension)."""

    groups: Groups
    centres: Vectors


def cluster(vectors: Vectors, count: int) -> Clustering:
    """Put unit vectors, shape (n, dimension), into `count` groups or fewer, the largest first."""
    count = min(count, len(vectors))
    means = faiss.Kmeans(
        vectors.shape[1],
        count,
        niter=_ROUNDS,
        nredo=_TRIES,
        seed=_SEED,
        spherical=True,
        min_points_per_centroid=1,
    )
    means.train(np.ascontiguousarray(vectors, np.float32))
    nearest = (vectors @ means.centroids.T).argmax(axis=1)
    kept, groups, sizes = np.unique(nearest, return_inverse=True, return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(len(kept), np.int64)
    rank[order] = np.arange(len(kept))
    return Clustering(rank[groups], means.centroids[kept[order]])


def choose_count(vectors: Vectors) -> int:
    """How many groups tell vectors apart best: the count of the highest silhouette (Rousseeuw 1987).

    Counts grow by about a quarter from one to the next, up to thirty; the silhouette is that of a sample.
    """
    most = min(_MOST, len(vectors) // _PER_GROUP)
    if most < _FEWEST:
        return 1
    counts = sorted({min(most, round(_FEWEST * 1.25**step)) for step in range(14)})
    sample = np.random.default_rng(_SEED).permutation(len(vectors))[:_SAMPLE]
    return max(
        counts, key=lambda count: (silhouette(vectors, cluster(vectors, count).groups, sample), -count)
    )


def silhouette(vectors: Vectors, groups: Groups, sample: Groups) -> float:
    """The mean silhouette, from -1 to 1, of the vectors at `sample` among each other, by cosine distance."""
    some, own = vectors[sample], groups[sample]
    kinds, own = np.unique(own, return_inverse=True)
    if len(kinds) < _FEWEST:
        return 0.0
    distances = 1 - some @ some.T
    member = np.eye(len(kinds))[own]
    sizes = member.sum(axis=0)
    total = distances @ member
    rows = np.arange(len(own))
    inside = total[rows, own] / np.maximum(sizes[own] - 1, 1)
    outside = total / sizes
    outside[rows, own] = np.inf
    nearest = outside.min(axis=1)
    values = (nearest - inside) / np.maximum(np.maximum(nearest, inside), 1e-9)
    return float(np.where(sizes[own] > 1, values, 0).mean())
