"""From likenesses to probabilities, without labels: matches and others are told apart by how they lie.

First a mixture of two normal distributions is fitted to one number a pair (by expectation maximisation,
Dempster, Laird and Rubin 1977). Its verdicts are rough, but good enough to count how often each likeness of
each field occurs among matches and among others: the weights of agreement of Fellegi and Sunter (1969),
damped because fields tell much the same. A record's rivals count, too: whoever resembles another row more is
less likely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragent.corpus.matching.features import Flags, Likeness, Rows, Scores

Levels = NDArray[np.int64]

_EDGES = np.array([0.05, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 0.995])
_LEAD_EDGES = np.array([-0.3, -0.15, -0.05, -1e-9, 1e-9, 0.05, 0.15, 0.3])
_NONE = -1
_IDENTIFIER_WEIGHT = 0.15
_LEAD_WEIGHT, _MOST_LEAD = 0.3, 0.3
_DAMPING = 0.5
_MOST_WEIGHT = 4.0
_SMOOTHING = 2.0
_STEPS = 2
_ROUNDS = 200
_SURE = 0.9
_REPEATS, _LOPSIDED = 0.1, 2.5
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of n pairs, shape (n,): the probability of a match, and whether no rival stands in the way.

    `weights`: for each field of the likeness, what it adds to the log-odds of the pairs.
    """

    probability: Scores
    unrivalled: Flags
    weights: tuple[Scores, ...]


def judge_pairs(likeness: Likeness) -> Verdicts:
    """Tell matches from others. The same rule, with the same numbers, for every pair of tables.

    Where each row of a table has one partner at most, only a row's best candidate can be a match. One table
    repeats itself if its rows often share a sure partner and those of the other don't: then many may match.
    """
    left, right = likeness.left, likeness.right
    rough = likeness.whole + _IDENTIFIER_WEIGHT * likeness.identifiers
    lead = np.minimum(_lead(rough, left), _lead(rough, right))
    probability = _two_normals(rough + _LEAD_WEIGHT * np.clip(lead, -1, _MOST_LEAD))
    levels = _levels(likeness, lead)
    unrivalled = np.ones(len(left), np.bool_)
    weights: list[Scores] = []
    for _ in range(_STEPS):
        matches = probability * unrivalled
        weights = [_agreement_weights(level, matches) for level in levels]
        share = np.clip(matches.mean(), 0.005, 0.995)
        odds = np.log(share / (1 - share)) + np.sum(weights, axis=0)
        probability = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
        unrivalled = _unrivalled(odds, probability, left, right)
    return Verdicts(probability, unrivalled, tuple(weights[: len(likeness.fields)]))


def _levels(likeness: Likeness, lead: Scores) -> list[Levels]:
    """What is counted: each field, then whole records, their identifiers, and the lead over rivals."""
    told = likeness.identifiers
    return [
        *(np.where(field.missing, _NONE, np.digitize(field.alike, _EDGES)) for field in likeness.fields),
        np.digitize(likeness.whole, _EDGES),
        np.where(told == 0, _NONE, (told > 0).astype(np.int64)),
        np.digitize(lead, _LEAD_EDGES),
    ]


def _agreement_weights(level: Levels, probability: Scores) -> Scores:
    """The logarithm of m/u of each pair's level, damped; 0 where a side says nothing."""
    kinds = int(level.max(initial=0)) + 2
    share = np.bincount(level + 1, minlength=kinds) / max(1, len(level))
    odds = [
        (np.bincount(level + 1, weights=of, minlength=kinds) + _SMOOTHING * share) / (of.sum() + _SMOOTHING)
        for of in (probability, 1 - probability)
    ]
    weights = np.clip(
        np.log(np.maximum(odds[0], _TINY) / np.maximum(odds[1], _TINY)), -_MOST_WEIGHT, _MOST_WEIGHT
    )
    weights[0] = 0
    damped: Scores = _DAMPING * weights[level + 1]
    return damped


def _two_normals(scores: Scores) -> Scores:
    """The probability, shape (n,), of having come from the higher of two normal distributions."""
    probability: Scores = (scores > (scores.min() + scores.max()) / 2).astype(np.float64)
    for _ in range(_ROUNDS):
        (high, mean), (low, other) = (_normal(scores, of) for of in (probability, 1 - probability))
        new: Scores = 1 / (1 + np.exp(np.clip(low - high, -50, 50)))
        # The wider distribution would take both tails.
        new[scores >= mean] = np.maximum(new[scores >= mean], 0.99)
        new[scores <= other] = np.minimum(new[scores <= other], 0.01)
        if np.abs(new - probability).max(initial=0) < 1e-6:
            break
        probability = new
    return probability


def _normal(scores: Scores, weight: Scores) -> tuple[Scores, float]:
    total = max(float(weight.sum()), _TINY)
    mean = float((weight * scores).sum() / total)
    variance = float((weight * (scores - mean) ** 2).sum() / total) + 1e-4
    share = max(total / len(scores), _TINY)
    density: Scores = np.log(share) - 0.5 * np.log(variance) - 0.5 * (scores - mean) ** 2 / variance
    return density, mean


def _lead(scores: Scores, rows: Rows) -> Scores:
    """By how much each pair is ahead of the best other pair of its row: below 0 if behind, 0 if alone."""
    order = np.lexsort((-scores, rows))
    firsts = np.flatnonzero(np.r_[True, rows[order][1:] != rows[order][:-1]])
    sizes = np.diff(np.r_[firsts, len(rows)])
    best = np.repeat(scores[order[firsts]], sizes)
    runner_up = scores[order[np.minimum(firsts + 1, len(rows) - 1)]]
    lead = np.empty(len(scores))
    lead[order] = scores[order] - best
    lead[order[firsts]] = np.where(sizes > 1, scores[order[firsts]] - runner_up, 0)
    return lead


def _unrivalled(odds: Scores, probability: Scores, left: Rows, right: Rows) -> Flags:
    sure = probability > _SURE
    repeated = [1 - len(np.unique(rows[sure])) / max(1, int(sure.sum())) for rows in (left, right)]
    free = np.ones(len(odds), np.bool_)
    for rows, own, other in ((left, repeated[0], repeated[1]), (right, repeated[1], repeated[0])):
        if not (own > _REPEATS and own > _LOPSIDED * other):
            free &= _lead(odds, rows) >= -_TINY
    return free
