"""Unified diffs that `git apply` and `patch` take, made in bounded time whatever the files hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

_CONTEXT = 3
_MOST_PAIRS = 4_000_000
_Hunk = Sequence[tuple[str, int, int, int, int]]


@dataclass(frozen=True, slots=True)
class Change:
    """A file's text before and after; None before: there was none."""

    path: str
    before: str | None
    after: str


def unified(changes: Sequence[Change]) -> str:
    """The changes as one diff, in git's form, the files in order."""
    return "".join(part for change in changes for part in _file(change))


def _file(change: Change) -> Iterator[str]:
    before, after = _lines(change.before or ""), _lines(change.after)
    yield f"diff --git a/{change.path} b/{change.path}\n"
    if change.before is None:
        yield "new file mode 100644\n"
    if before == after:
        return
    yield f"--- {'/dev/null' if change.before is None else f'a/{change.path}'}\n"
    yield f"+++ b/{change.path}\n"
    for hunk in _hunks(before, after):
        yield from _shown(hunk, before, after)


def _lines(text: str) -> list[str]:
    """Lines with their ends. Only a line feed ends one, as in git."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _hunks(before: Sequence[str], after: Sequence[str]) -> Iterator[_Hunk]:
    """Only what lies between the equal beginnings and ends is compared; too much of that is one change."""
    shorter = min(len(before), len(after))
    head = _equal(zip(before, after, strict=False))
    tail = min(shorter - head, _equal(zip(reversed(before), reversed(after), strict=False)))
    start = max(0, head - _CONTEXT)
    end = max(0, tail - _CONTEXT)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if len(old) * len(new) > _MOST_PAIRS:
        yield [("replace", start, len(before) - end, start, len(after) - end)]
        return
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        yield [(tag, a + start, b + start, c + start, d + start) for tag, a, b, c, d in group]


def _equal(pairs: Iterator[tuple[str, str]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _shown(hunk: _Hunk, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    _, old_start, _, new_start, _ = hunk[0]
    _, _, old_end, _, new_end = hunk[-1]
    yield f"@@ -{_range(old_start, old_end)} +{_range(new_start, new_end)} @@\n"
    for tag, old, old_to, new, new_to in hunk:
        if tag == "equal":
            yield from _marked(" ", before[old:old_to])
        else:
            yield from _marked("-", before[old:old_to])
            yield from _marked("+", after[new:new_to])


def _range(start: int, end: int) -> str:
    """As git counts: from 1, and an empty range names the line before it."""
    return f"{start + (end > start)},{end - start}"


def _marked(mark: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n"
