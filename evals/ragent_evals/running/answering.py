"""Puts a set's texts into a collection, and says which passages each question is asked over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ragent import Rag
from ragent_evals.sets.case import Case, EvalSet
from ragent_evals.sets.choosing import about

MOST_PASSAGES = 10
"""Enough to hold all of five paragraphs, some of which are two passages."""


def write_texts(of: EvalSet, folder: Path) -> None:
    """Write each text as a file of its own, to be ingested."""
    folder.mkdir(parents=True, exist_ok=True)
    for id_, text in of.texts.items():
        _file(folder, id_).write_text(text.text, "utf-8")


def scopes(rag: Rag, folder: Path, cases: Sequence[Case], distractors: int = 4) -> list[dict[str, Any]]:
    """For each case a filter: the text it is about, and those others that the search likes best."""
    found = rag.search_many([case.question for case in cases], distractors + 1, by_document=True)
    scoped = []
    for case, result in zip(cases, found, strict=True):
        own = _file(folder, about(case)).resolve()
        others = [hit.uri for hit in result.hits if hit.uri != own.as_uri()][:distractors]
        paths = [str(own), *(unquote(urlsplit(uri).path) for uri in others)]
        scoped.append({"or": [{"path": path} for path in paths]})
    return scoped


def _file(folder: Path, id_: str) -> Path:
    return folder / f"{quote(id_, safe='')}.txt"
