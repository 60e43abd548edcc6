"""How texts and queries become keywords: the same way, or they wouldn't meet."""

from __future__ import annotations

import re

import xxhash
from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from ragent.words.stopwords import STOP_WORDS

VERSION = f"2-{xxhash.xxh32_hexdigest(' '.join(sorted(STOP_WORDS)).encode())}"
"""Other whenever keywords or fields come out differently, so that older indexes are rebuilt."""

_LONGEST_WORD = 60
_CONTRACTION = re.compile(r"(?<=[a-z])(?:n['’]t|['’](?:s|d|m|ll|re|ve))\b", re.IGNORECASE)
_APOSTROPHE = re.compile(r"['’]")
_HUMP = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]{3}")
_IDENTIFIER = re.compile(rf"\b\w*(?:{_HUMP.pattern})\w*\b")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def make_analyzer() -> TextAnalyzer:
    """Lower-cased words without accents and stop words, as English Snowball stems."""
    builder = TextAnalyzerBuilder(Tokenizer.simple())
    for step in (
        Filter.remove_long(_LONGEST_WORD),
        Filter.lowercase(),
        Filter.ascii_fold(),
        Filter.custom_stopword(sorted(STOP_WORDS)),
        Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


def prepare(text: str) -> str:
    """Undo contractions; put the pieces of identifiers behind them (`readFile` → `readFile read File`)."""
    # Most texts hold neither, and asking first takes a tenth of the time.
    if _APOSTROPHE.search(text):
        text = _CONTRACTION.sub("", text)
    return _IDENTIFIER.sub(_with_pieces, text) if _HUMP.search(text) else text


def _with_pieces(match: re.Match[str]) -> str:
    word = match[0]
    return " ".join([word, *_PIECE.findall(word)])
