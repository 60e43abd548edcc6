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
    for match in _END.finditer(text):
        mark = match[0][0]
        if mark not in ".!?…" or _is_end(text, match.start(), match.end()):
            yield match.end()


def _is_end(text: str, start: int, end: int) -> bool:
    following = text[end : end + 40].lstrip().lstrip(_OPENERS)[:1]
    if following.islower():
        return False
    if text[start] != "." or text[start + 1 : start + 2] == ".":
        return True
    found = _BEFORE.search(text, max(0, start - _LOOK_BACK), start)
    word = found[0] if found else ""
    if _NEVER.fullmatch(word) or (following.isdigit() and _NOT_BEFORE_NUMBER.fullmatch(word)):
        return False
    if _INITIALS.fullmatch(word):  # J. Smith, U.S., p.m.
        return word.lower() in ("a.m", "p.m") and following.isupper()
    line = text.rfind("\n", 0, start) + 1
    return not _NUMBERING.fullmatch(text[line:start].strip())
