"""The words that tell a group of texts from the others, and whether they belong together."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

from ragent.words.stopwords import STOP_WORDS

_WORD = re.compile(r"[^\W\d_][\w'’-]*[^\W_]")
_SHORTEST = 3
_FEWEST_TEXTS = 2


def words_of(text: str) -> list[str]:
    """The words of a text that can name a topic, lower-cased."""
    found = (match.replace("’", "'").removesuffix("'s") for match in _WORD.findall(text.casefold()))
    return [word for word in found if len(word) >= _SHORTEST and word not in STOP_WORDS]


def telling_words(texts: Sequence[Sequence[str]], groups: Sequence[int], count: int) -> list[list[str]]:
    """For each group, the words of the highest class-based TF-IDF (Grootendorst 2022, arXiv:2203.05794).

    Args:
        texts: The words of each text.
        groups: The group of each text, counted from 0.
        count: How many words a group. Words of a single text are left out where there are enough others.
    """
    by_group = [Counter[str]() for _ in range(max(groups, default=-1) + 1)]
    spread: Counter[str] = Counter()
    for words, group in zip(texts, groups, strict=True):
        by_group[group].update(words)
        spread.update(set(words))
    frequency: Counter[str] = Counter()
    for counts in by_group:
        frequency.update(counts)
    mean = sum(frequency.values()) / max(1, len(by_group))

    def best(counts: Counter[str]) -> list[str]:
        size = max(1, sum(counts.values()))
        score = {word: times / size * math.log(1 + mean / frequency[word]) for word, times in counts.items()}
        order = sorted(score, key=lambda word: (spread[word] < _FEWEST_TEXTS, -score[word], word))
        return order[:count]

    return [best(counts) for counts in by_group]


def coherence(words: Sequence[str], texts: Iterable[Sequence[str]]) -> float:
    """The mean normalised pointwise mutual information, from -1 to 1, of pairs of words over texts.

    Bouma 2009, as a measure of topics by Lau, Newman and Baldwin 2014. A pair that no text holds counts -1.
    """
    wanted = set(words)
    single: Counter[str] = Counter()
    both: Counter[tuple[str, str]] = Counter()
    total = 0
    for text in texts:
        there = sorted(wanted.intersection(text))
        single.update(there)
        both.update(combinations(there, 2))
        total += 1
    values = [_npmi(single, both, pair, total) for pair in combinations(sorted(wanted), 2)]
    return sum(values) / len(values) if values else 0.0


def _npmi(single: Counter[str], both: Counter[tuple[str, str]], pair: tuple[str, str], total: int) -> float:
    together = both[pair]
    if not together:
        return -1.0
    if together == total:
        return 1.0
    information = math.log(together * total / (single[pair[0]] * single[pair[1]]))
    return information / -math.log(together / total)
