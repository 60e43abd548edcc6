"""How good topics are: whether their words belong together, and whether they keep known kinds apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ragent.corpus.topics.topics import Topics
from ragent.corpus.topics.words import coherence
from ragent_evals.estimates import Estimate, Values, estimates


def topic_coherence(topics: Topics) -> Estimate:
    """The mean over topics of their words' normalised pointwise mutual information (see `coherence`)."""
    values = [coherence(topic.words, topics.texts) for topic in topics.topics]
    return estimates(["npmi"], np.array(values)[:, None])["npmi"]


def purity(groups: Sequence[int], labels: Sequence[str]) -> Estimate:
    """The share of items whose label is the commonest one of their group (Manning et al. 2008, 16.3)."""
    return estimates(["purity"], _is_common(groups, labels))["purity"]


def _is_common(groups: Sequence[int], labels: Sequence[str]) -> Values:
    counts: dict[int, Counter[str]] = {}
    for group, label in zip(groups, labels, strict=True):
        counts.setdefault(group, Counter())[label] += 1
    commonest = {group: counted.most_common(1)[0][0] for group, counted in counts.items()}
    right = [commonest[group] == label for group, label in zip(groups, labels, strict=True)]
    return np.array(right, np.float64)[:, None]
