"""ROUGE-L."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragent_evals.metrics.answers.expecting import open_likeness
from ragent_evals.metrics.metric import Metric, MetricContext

_MARKER = re.compile(r"\s*\[\d+\]")
_WORD = re.compile(r"\w+")


def open_rouge_l(_: MetricContext) -> Metric:
    """The longest run of words, gaps allowed, that the answer shares with the likest right one (F1).

    Source: Lin 2004, "ROUGE: a package for automatic evaluation of summaries", at the level of whole
    answers, with precision and recall weighing the same. Words are runs of letters and digits in lower case,
    unstemmed. For a question without an answer, silence is 1 and anything else 0.
    """
    return open_likeness("rouge_l", rouge_l)


def rouge_l(given: str, expected: Sequence[str]) -> float:
    """ROUGE-L's F-measure with the likest expected text, markers such as [1] aside, 0 to 1."""
    words = _words(given)
    return max((_f_measure(words, _words(each)) for each in expected), default=0.0)


def common_length(left: Sequence[str], right: Sequence[str]) -> int:
    """The length of the longest common subsequence, a column of the table at a time as bits of one number.

    Source: Hyyrö 2004, "Bit-parallel LCS-length computation revisited".
    """
    everything = (1 << len(left)) - 1
    places: dict[str, int] = {}
    for place, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << place
    column = everything
    for word in right:
        shared = column & places.get(word, 0)
        column = ((column + shared) | (column - shared)) & everything
    return len(left) - column.bit_count()


def _words(text: str) -> list[str]:
    return _WORD.findall(_MARKER.sub("", text).lower())


def _f_measure(given: Sequence[str], expected: Sequence[str]) -> float:
    if not given or not expected:
        return float(given == expected)
    return 2 * common_length(given, expected) / (len(given) + len(expected))
