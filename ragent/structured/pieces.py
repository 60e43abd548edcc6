"""What a constraint needs to know of a vocabulary's pieces: which begin with what, and how text is cut."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ragent.types import Vocabulary

_BLANK_ESCAPE = re.compile(rb"\\([nrt]|$)")

Mask = NDArray[np.bool_]
"""Shape (vocabulary,)."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Classes of tokens, each a mask, and the token of each single byte."""

    quotes: Mask
    closes_array: Mask
    closes_object: Mask
    opens: Mask
    crosses: Mask
    digits: Mask
    blank: Mask
    wordy: Mask
    singles: dict[int, int]
    ids: dict[bytes, int]
    longest: int
    end: int
    _pieces: tuple[bytes, ...]

    def of(self, token: int) -> bytes:
        """The bytes of a token."""
        return self._pieces[token]


_known: WeakKeyDictionary[Vocabulary, Pieces] = WeakKeyDictionary()


def pieces_of(vocabulary: Vocabulary) -> Pieces:
    """The classes of a vocabulary's tokens; worked out once."""
    found = _known.get(vocabulary)
    if found is None:
        found = _known[vocabulary] = _classify(vocabulary)
    return found


def tokenize(vocabulary: Vocabulary, text: bytes) -> list[int]:
    """Tokens whose pieces are exactly `text`: the model's own way, or else the longest pieces first."""
    tokens = vocabulary.tokenize(text)
    if b"".join(vocabulary.pieces[token] for token in tokens) == text:
        return tokens
    known = pieces_of(vocabulary)
    tokens, at = [], 0
    while at < len(text):
        ends = range(min(len(text), at + known.longest), at, -1)
        end = next((end for end in ends if text[at:end] in known.ids), None)
        if end is None:
            return tokens
        tokens.append(known.ids[text[at:end]])
        at = end
    return tokens


def _classify(vocabulary: Vocabulary) -> Pieces:
    pieces = vocabulary.pieces
    bare = [piece.lstrip() for piece in pieces]
    ids = {piece: token for token, piece in reversed(list(enumerate(pieces))) if piece}
    return Pieces(
        quotes=_mask(piece.startswith(b'"') for piece in pieces),
        closes_array=_mask(piece.startswith(b"]") for piece in bare),
        closes_object=_mask(piece.startswith(b"}") for piece in bare),
        opens=_mask(piece[:1] in (b"{", b"[") for piece in bare),
        crosses=_mask(b"," in piece and piece.strip() != b"," for piece in pieces),
        digits=_mask(piece[:1].isdigit() or piece[:1] == b"." for piece in pieces),
        blank=_mask(piece.isspace() or bool(_BLANK_ESCAPE.match(piece)) for piece in pieces),
        wordy=_mask(any(byte > 127 or chr(byte).isalpha() for byte in piece) for piece in pieces),
        singles={piece[0]: token for piece, token in ids.items() if len(piece) == 1},
        ids=ids,
        longest=max(map(len, pieces)),
        end=vocabulary.end_tokens[0],
        _pieces=pieces,
    )


def _mask(values: Iterable[bool]) -> Mask:
    return np.fromiter(values, np.bool_)
