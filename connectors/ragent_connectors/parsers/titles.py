"""What a document is called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath

from ragent.types import RawDocument
from ragent_connectors.parsers.decoding import clean

_LONGEST = 300
# What word processors write when nobody gave a title.
_PREFIX = re.compile(r"^(microsoft (word|powerpoint|excel)|print) - ", re.IGNORECASE)
_OFFICE_NAME = re.compile(r"\.(docx?|dotx?|pptx?|xlsx?|odt|rtf|tex|dvi|indd|qxd|pdf)$", re.IGNORECASE)
_EMPTY_TITLES = {
    "untitled",
    "untitled document",
    "document",
    "word document",
    "powerpoint presentation",
    "title",
}


def choose_title(raw: RawDocument, candidates: Iterable[str | None]) -> str:
    """The first candidate that says something, else the file's name without its suffix."""
    for candidate in candidates:
        title = _tidy(candidate or "")
        if any(c.isalnum() for c in title) and len(title) <= _LONGEST and title.lower() not in _EMPTY_TITLES:
            return title
    return PurePath(raw.name).stem or raw.name


def _tidy(candidate: str) -> str:
    title = " ".join(clean(candidate).split())
    if _PREFIX.match(title) or _OFFICE_NAME.search(title):
        title = _OFFICE_NAME.sub("", _PREFIX.sub("", title))
    return title
