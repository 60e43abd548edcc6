"""The context of a passage: its file, the document's title, the headings above it, and its label."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ragent.protocols import Tokenizer

_SEPARATOR = " > "
_ELLIPSIS = "…"
_DASH = "–"
_LONGEST_HEADING = 160
_MARKS = re.compile(r"^(?:#|=){1,6}\s+|\s+#+\s*$|\s*\{#[^}]*\}\s*$")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")


def embedding_text(context: str, text: str) -> str:
    """What the embedder reads of a passage: its context on a line of its own, then the text."""
    return f"{context}\n{text}" if context else text


def heading_words(source: str) -> str:
    """A heading's words without the marks of Markdown, AsciiDoc or reStructuredText around them.

    Of a very long one (a table's header row, say) only the beginning.
    """
    lines = (line.strip() for line in source.split("\n"))
    words = " ".join(line for line in lines if any(c.isalnum() for c in line))
    words = _LINK.sub(r"\1", _MARKS.sub("", _MARKS.sub("", words)))
    words = " ".join(words.replace("`", "").replace("**", "").split())
    if len(words) <= _LONGEST_HEADING:
        return words
    return words[:_LONGEST_HEADING].rsplit(" ", 1)[0].rstrip() + _ELLIPSIS


def table_header(table: str) -> str:
    """The names of a table's columns: its first row, if that has two cells or more and none is a number."""
    first, _, rest = table.partition("\n")
    cells = [cell for cell in map(str.strip, first.split("|")) if cell]
    numbers = any(cell[0].isdigit() and not _YEAR.fullmatch(cell) for cell in cells)
    return heading_words(" | ".join(cells)) if rest and len(cells) > 1 and not numbers else ""


def join_labels(labels: Iterable[str]) -> str:
    """The label of neighbouring blocks together: `rows 2–9` and `rows 10–30` are `rows 2–30`."""
    known = [label for label in labels if label]
    if not known or known[0] == known[-1]:
        return known[0] if known else ""
    return f"{known[0].split(_DASH)[0]}{_DASH}{known[-1].split(_DASH)[-1]}"


def with_label(path: tuple[str, ...], label: str) -> tuple[str, ...]:
    """The path with a label, as a part of the innermost heading: so shortening parts the two last."""
    if not label:
        return path
    return (*path[:-1], f"{path[-1]}{_SEPARATOR}{label}") if path else (label,)


class Contexts:
    """Renders contexts, each at most `max_tokens` long by the embedder's own count."""

    def __init__(self, title: str, tokenizer: Tokenizer, max_tokens: int, *, place: str = "") -> None:
        """`place` (where the file is, say) stands before the title."""
        self._place = " ".join(place.split())
        self._title = " ".join(title.split())
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._rendered: dict[tuple[str, ...], tuple[str, int]] = {}

    def prepare(self, paths: Iterable[tuple[str, ...]]) -> None:
        """Render many contexts with one call of the tokenizer."""
        new = [path for path in dict.fromkeys(paths) if path not in self._rendered]
        full = [_SEPARATOR.join(self._parts(path)) for path in new]
        for path, context, tokens in zip(new, full, self._tokenizer.count(full), strict=True):
            fits = tokens <= self._max_tokens
            self._rendered[path] = (context, tokens) if fits else self._shortened(self._parts(path))

    def text(self, path: tuple[str, ...]) -> str:
        """The context of a heading path."""
        return self._get(path)[0]

    def tokens(self, path: tuple[str, ...]) -> int:
        """Its length."""
        return self._get(path)[1]

    def _get(self, path: tuple[str, ...]) -> tuple[str, int]:
        if path not in self._rendered:
            self.prepare([path])
        return self._rendered[path]

    def _parts(self, path: tuple[str, ...]) -> list[str]:
        """Title and headings; a top heading that repeats the title stands once."""
        parts = [part for part in (self._title, *path) if part]
        if len(parts) > 1 and parts[0].casefold() == parts[1].casefold():
            del parts[0]
        return [self._place, *parts] if self._place else parts

    def _shortened(self, parts: Sequence[str]) -> tuple[str, int]:
        """Leaves out the middle, then the left, then cuts the innermost heading."""
        candidates = [_SEPARATOR.join([parts[0], _ELLIPSIS, *parts[kept:]]) for kept in range(2, len(parts))]
        candidates += [_SEPARATOR.join([_ELLIPSIS, *parts[kept:]]) for kept in range(1, len(parts))]
        for candidate, tokens in zip(candidates, self._tokenizer.count(candidates), strict=True):
            if tokens <= self._max_tokens:
                return candidate, tokens
        innermost = parts[-1]
        for kept in range(self._max_tokens - 1, 0, -1):
            offsets = self._tokenizer.offsets(innermost[: 40 * self._max_tokens])
            cut = innermost[: offsets[min(kept, len(offsets)) - 1][1]].rstrip() + _ELLIPSIS if offsets else ""
            tokens = self._tokenizer.count([cut])[0]
            if tokens <= self._max_tokens:
                return cut, tokens
        return "", 0
