"""How alike two records are: as whole texts, by identifiers, and field by field.

Words and character trigrams are weighed by TF-IDF over the records of both tables, so that what is rare tells
more (Cohen, Ravikumar and Fienberg 2003). Trigrams forgive misspellings and words run together; identifiers
such as model numbers are compared with a weight of their own.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ragent.corpus.matching.tables import Record

Scores = NDArray[np.float64]
Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]

_WORD = re.compile(r"\d+\.\d+(?![^\W_])|[^\W_]+")
_DECIMAL = re.compile(r"\d+\.\d+")
_IDENTIFIER = re.compile(r"[^\W_]+(?:[-/.][^\W_]+)*")
_JOINT = re.compile(r"[-/.]")
_SHORTEST_IDENTIFIER, _SHORTEST_NUMBER = 4, 6
_GRAM = 3


@dataclass(frozen=True, slots=True)
class FieldLikeness:
    """A column both tables have: cosines of the pairs, shape (n,), and where a side says nothing."""

    name: str
    alike: Scores
    missing: Flags


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is known of n candidate pairs.

    `left` and `right` are rows of the tables; `whole` is the cosine of the records as texts, `identifiers` is
    1 where they share one, -1 where both have some and share none, else 0.
    """

    left: Rows
    right: Rows
    whole: Scores
    identifiers: Scores
    fields: tuple[FieldLikeness, ...]


def compare(lefts: Sequence[Record], rights: Sequence[Record], pairs: Sequence[tuple[int, int]]) -> Likeness:
    """Compare the candidate pairs, given as rows of the two tables."""
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    records, second = [*lefts, *rights], right + len(lefts)
    texts = [" ".join(record.values()) for record in records]
    codes = [identifiers_of(text) for text in texts]
    names = [name for name in dict.fromkeys(name for row in lefts for name in row) if _has(rights, name)]
    return Likeness(
        left,
        right,
        _alike(texts, left, second),
        np.array([_agreement(codes[a], codes[b]) for a, b in zip(left, second, strict=True)], np.float64),
        tuple(_field(name, [record.get(name, "") for record in records], left, second) for name in names),
    )


def words_of(text: str) -> list[str]:
    """Words and numbers, lower-cased, without accents; `1994.0` is 1994."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return [
        word.rstrip("0").rstrip(".") if _DECIMAL.fullmatch(word) else word for word in _WORD.findall(plain)
    ]


def identifiers_of(text: str) -> frozenset[str]:
    """What looks like a model number, an order number or a telephone number, without its joints."""
    pieces = (_JOINT.sub("", match) for match in _IDENTIFIER.findall(text.casefold()))
    return frozenset(piece for piece in pieces if _is_identifier(piece))


def _is_identifier(piece: str) -> bool:
    if not any(sign.isdigit() for sign in piece):
        return False
    has_letter = any(sign.isalpha() for sign in piece)
    return len(piece) >= (_SHORTEST_IDENTIFIER if has_letter else _SHORTEST_NUMBER)


def _has(records: Sequence[Record], name: str) -> bool:
    return any(name in record for record in records)


def _agreement(left: frozenset[str], right: frozenset[str]) -> int:
    if not left or not right:
        return 0
    return 1 if left & right else -1


def _field(name: str, values: Sequence[str], left: Rows, right: Rows) -> FieldLikeness:
    empty = np.array([not words_of(value) for value in values])
    return FieldLikeness(name, _alike(values, left, right), empty[left] | empty[right])


def _alike(texts: Sequence[str], left: Rows, right: Rows) -> Scores:
    """The mean of the cosines by words and by trigrams, shape (n,)."""
    by_words, by_grams = (_cosines(texts, pieces, left, right) for pieces in (words_of, _grams))
    return (by_words + by_grams) / 2


def _grams(text: str) -> list[str]:
    joined = f" {' '.join(words_of(text))} "
    return [joined[start : start + _GRAM] for start in range(len(joined) - _GRAM + 1)]


def _cosines(texts: Sequence[str], pieces: Callable[[str], list[str]], left: Rows, right: Rows) -> Scores:
    vocabulary: dict[str, int] = {}
    rows: list[int] = []
    columns: list[int] = []
    weights: list[float] = []
    for row, text in enumerate(texts):
        for piece, count in Counter(pieces(text)).items():
            rows.append(row)
            columns.append(vocabulary.setdefault(piece, len(vocabulary)))
            weights.append(1 + float(np.log(count)))
    shape = (len(texts), max(1, len(vocabulary)))
    matrix = sparse.csr_matrix((weights, (rows, columns)), shape=shape)
    frequency = np.bincount(columns, minlength=shape[1])
    matrix = matrix @ sparse.diags(np.log((1 + len(texts)) / (1 + frequency)) + 1)
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    unit = sparse.diags(1 / np.where(norms > 0, norms, 1)) @ matrix
    cosines: Scores = np.asarray(unit[left].multiply(unit[right]).sum(axis=1)).ravel()
    return cosines
