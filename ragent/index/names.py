"""Names in a text, without a model: what links one passage to another that speaks of the same thing.

Where capitals tell names from other words, a name is a run of capitalised words ("Bank of England"), each
word of such a run, an identifier or a number of at least three signs. Where they don't (lower-case or
all-caps text, scripts without case, title case throughout), every run of one to three words that neither
begins nor ends with a stop word counts: most of these are in one passage only, and so link nothing.

A passage's names are kept as 64-bit hashes, which hold nothing of its text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import numpy as np
import xxhash

from ragent.protocols import Ids
from ragent.words.stopwords import STOP_WORDS

_VERSION = 1
"""Other whenever the names of a text come out differently, so that older ones are extracted anew."""

_POSSESSIVE = re.compile(r"['’]s\b")
# In scripts without spaces, each sign counts as a word.
_PIECE = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|[^\W_]+")
_CAPITALS = "".join(sign for sign in map(chr, range(0x2000)) if sign.isupper())
_WORD = rf"[^\W\d{_CAPITALS}_]*[\d{_CAPITALS}_]\w*(?:[.'’&-]\w+)*"
_LINKING = (
    "of|the|de|del|della|di|da|do|dos|du|des|la|le|les|los|las|el|al|y|et|e|und|von|van|der|den|zu|zur|zum|"
    "bin|ibn|av|af|och|og"
)
_RUN = re.compile(rf"\b{_WORD}(?:[ \t]+(?:(?:{_LINKING})[ \t]+){{0,2}}{_WORD})*")
_OPENING = '.!?:;\n"“”«»„¿¡•*–—-'
_LONGEST_RUN = 8
_LONGEST_GRAM = 3
_SHORTEST = 3
_FEWEST_CAPITALS, _MOST_CAPITALS = 0.025, 0.8
_DTYPE = np.dtype("<i8")


def normalise(text: str) -> str:
    """Lower-cased words without accents, punctuation or the possessive, one blank between them."""
    return " ".join(_PIECE.findall(_folded(text)))


def names_of(text: str) -> frozenset[str]:
    """The names in a text, normalised."""
    words = text.split()
    capitals = sum(word[0].isupper() for word in words)
    runs = [match.span() for match in _RUN.finditer(text)]
    if not runs or not _FEWEST_CAPITALS * len(words) <= capitals <= _MOST_CAPITALS * len(words):
        return frozenset(_grams(_PIECE.findall(_folded(text))))
    elsewhere = set(words)
    found: set[str] = set()
    folded = _folded("\n".join(text[start:end] for start, end in runs)).split("\n")
    for (start, _), run in zip(runs, folded, strict=True):
        pieces = _PIECE.findall(run)
        if pieces and (pieces[0] in STOP_WORDS or _opens_sentence(text, start, pieces[0] in elsewhere)):
            pieces = pieces[1:]
        if len(pieces) <= _LONGEST_RUN:
            found.add(" ".join(pieces))
        found.update(pieces)
    return frozenset(name for name in found if len(name) >= _SHORTEST and name not in STOP_WORDS)


def key_of(name: str) -> int:
    """The number that stands for a normalised name: a signed 64-bit hash."""
    number = xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))
    return number - (1 << 64) if number >> 63 else number


def encode_names(context: str, text: str) -> bytes:
    """The names of a passage as little-endian int64: a version, then their keys, ascending."""
    keys = sorted(map(key_of, names_of(f"{context}\n{text}")))
    return np.array([_VERSION, *keys], _DTYPE).tobytes()


def decode_names(data: bytes) -> Ids | None:
    """The keys of a passage's names, ascending; None when they were extracted by another version."""
    if len(data) < _DTYPE.itemsize or len(data) % _DTYPE.itemsize:
        return None
    numbers = np.frombuffer(data, _DTYPE)
    return numbers[1:] if numbers[0] == _VERSION else None


def _folded(text: str) -> str:
    folded = text.casefold()
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFKD", folded).casefold()
        folded = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return _POSSESSIVE.sub("", folded)


def _opens_sentence(text: str, start: int, is_small_elsewhere: bool) -> bool:
    """What opens a sentence has a capital anyway: it is no name if it stands elsewhere without one."""
    if not is_small_elsewhere:
        return False
    before = text[max(0, start - 8) : start].rstrip(" \t")
    return not before or before[-1] in _OPENING


def _grams(words: list[str]) -> Iterator[str]:
    for start, first in enumerate(words):
        if first in STOP_WORDS:
            continue
        for end in range(start + 1, min(start + _LONGEST_GRAM, len(words)) + 1):
            gram = " ".join(words[start:end])
            if words[end - 1] not in STOP_WORDS and len(gram) >= _SHORTEST:
                yield gram
