"""The shortest way to complete an output, so that a token limit cuts no value in two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragent.structured.llguidance_engine import Matcher
from ragent.structured.pieces import Pieces
from ragent.structured.tracking import Tracker

_IN_STRING = b'"0a- '
_OUTSIDE = b'}],:0123456789"nft-.[{'


def way_out(
    matcher: Matcher, tracker: Tracker, pieces: Pieces, keys: Sequence[tuple[int, ...]], limit: int
) -> list[int] | None:
    """Tokens that complete the output, nearly as few as can be.

    What ends something is taken before what goes on, a required key before any other, and a number or an
    empty string before a value with parts.

    Args:
        matcher: where the output stands; not moved.
        tracker: likewise.
        pieces: the vocabulary's classes.
        keys: the schema's required keys with their closing quote, as tokens, in the schema's order.
        limit: give up after so many tokens.

    Returns:
        The tokens, none where the output is complete already; None if no way was found within the limit.
    """
    matcher, tracker = matcher.copy(), tracker.copy()
    path: list[int] = []
    while not matcher.accepting:
        step = matcher.forced() or _key(matcher, tracker, keys) or _byte(matcher, tracker, pieces)
        if not step or len(path) + len(step) > limit:
            return None
        for token in step:
            matcher.consume(token)
            tracker.feed(pieces.of(token))
        path += step
    return path


def _key(matcher: Matcher, tracker: Tracker, keys: Sequence[tuple[int, ...]]) -> list[int]:
    if tracker.string != 0 or not tracker.in_key:
        return []
    return next((list(key) for key in keys if matcher.fits(key)), [])


def _byte(matcher: Matcher, tracker: Tracker, pieces: Pieces) -> list[int]:
    allowed = matcher.allowed()
    wanted = _IN_STRING if tracker.string >= 0 else _OUTSIDE
    likely = (pieces.singles[byte] for byte in wanted if byte in pieces.singles)
    token = next((token for token in likely if allowed[token]), None)
    if token is None:
        singles = np.fromiter(pieces.singles.values(), np.intp)
        possible = singles[allowed[singles]]
        token = int(possible[0]) if len(possible) else int(np.argmax(allowed))
    return [token] if allowed[token] else []
