"""Where sentences end, by rules: punctuation, unless an abbreviation, an initial or a number explains it."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A mark followed by white space (closing quotes and brackets belong to it), or a CJK one by anything,
# or a blank line.
_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’»)\]*_`]*+(?=\s|\Z)"
    r"|[。！？｡]++[」』”’）\"]*+"
    r"|\n(?=[ \t]*+\n)"
)
_BEFORE = re.compile(r"[^\s(\[\"'“‘«*_]*\Z")
_LOOK_BACK = 24
_UNCASED = 3
_CLOSERS = "\"'”’»)]*_`"
_OPENERS = "\"'“‘«([*_`"
_NEVER = re.compile(
    r"mr|mrs|ms|dr|prof|st|mt|gen|sen|rep|gov|capt|lt|col|sgt|rev|hon|pres|supt|messrs"
    r"|vs|cf|ca|al|approx|resp|esp|incl|viz|e\.g|i\.e|eg|ie",
    re.IGNORECASE,
)
_NOT_BEFORE_NUMBER = re.compile(
    r"nos?|figs?|eqs?|secs?|ch|chap|vols?|pp?|pt|art|nr|tab|refs?|v|ver"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec",
    re.IGNORECASE,
)
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_NUMBERING = re.compile(r"\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})")


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Character spans of the sentences of a text, in order and without white space around them.

    Every character that isn't white space is in exactly one span.
    """
    spans = []
    start = 0
    for end in (*_ends(text), len(text)):
        sentence = text[start:end]
        first = start + len(sentence) - len(sentence.lstrip())
        last = start + len(sentence.rstrip())
        if last > first:
            spans.append((first, last))
        start = end
    return spans


def _ends(text: str) -> Iterator[int]:
    candidates = [(match.start(), match.end(), _initial(text, match.end())) for match in _END.finditer(text)]
    lower = sum(initial.islower() for _, _, initial in candidates)
    # A text without capitals begins its sentences small; elsewhere a small letter tells an abbreviation.
    cased = lower < _UNCASED or lower <= sum(initial.isupper() for _, _, initial in candidates)
    for start, end, initial in candidates:
        if text[start] not in ".!?…" or (not (cased and initial.islower()) and _is_end(text, start, initial)):
            yield end


def _initial(text: str, position: int) -> str:
    """The first character of the word that follows."""
    return text[position : position + 40].lstrip().lstrip(_OPENERS)[:1]


def _is_end(text: str, start: int, following: str) -> bool:
    if text[start] != "." or text[start + 1 : start + 2] == ".":
        return True
    found = _BEFORE.search(text, max(0, start - _LOOK_BACK), start)
    word = found[0] if found else ""
    if _NEVER.fullmatch(word) or (following.isdigit() and _NOT_BEFORE_NUMBER.fullmatch(word)):
        return False
    if _INITIALS.fullmatch(word):  # J. Smith, U.S., p.m.
        return word.lower() in ("a.m", "p.m") and following.isupper()
    before = "\n" + text[:start] if start < _LOOK_BACK else text[start - _LOOK_BACK : start]
    _, newline, line = before.rpartition("\n")
    return not (newline and _NUMBERING.fullmatch(line.strip()))
