"""How likely it is that what was found bears on the query at all: what `ask` abstains by.

A nearest neighbour always exists, and it is often near enough to fool a reader of scores. Two signs together
tell better than either: the cosine of the nearest vector, and how much of the query's own words (rare ones
counting more) the best hit holds. `evals/benchmarks/relevance.py` fits and measures the numbers below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ragent.retrieval.views import KeywordView

_BIAS, _COSINE, _COVERAGE = -11.8, 17.2, 8.5


def relevance(cosine: float, coverage: float) -> float:
    """Probability, 0 to 1, by logistic regression.

    Args:
        cosine: of the query's vector with the nearest chunk's.
        coverage: the largest share of the query's words, weighted by rarity, that one hit holds.
    """
    return 1 / (1 + math.exp(-(_BIAS + _COSINE * cosine + _COVERAGE * coverage)))


def best_coverage(keyword: KeywordView, query: str, texts: Sequence[str]) -> float:
    """The largest share, 0 to 1, of the query's words that one text holds; 0 for a query of stop words."""
    rarities = keyword.rarities(query)
    total = sum(rarities.values())
    if not total:
        return 0.0
    held = (keyword.words(text) for text in texts)
    return max((sum(rarities[w] for w in rarities.keys() & words) for words in held), default=0.0) / total
