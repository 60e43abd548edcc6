"""Passages with all they name and say of two names: JSON Lines of {document, quote, entities, relations}."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from ragent.errors import EvalError

Said = tuple[str, str, str]
"""Source, label, target."""


@dataclass(frozen=True, slots=True)
class AnnotatedPassage:
    """Characters `start` to `end` of a document's `text`: its names, and all that it says of two of them."""

    document: str
    text: str
    start: int
    end: int
    entities: tuple[str, ...]
    relations: tuple[Said, ...]


def read_facts(path: Path, documents: Path) -> list[AnnotatedPassage]:
    """Read such a file and the documents, plain text, that its passages are from.

    Args:
        path: The file. A quote is verbatim, with each run of white space taken as one blank.
        documents: The folder that the documents' names are relative to.

    Raises:
        EvalError: a line is no such object, or its quote isn't in its document.
    """
    if not path.is_file():
        raise EvalError(f"there is no file {path}", hint="name JSON Lines of annotated passages")
    passages = [
        _passage(line, documents, f"{path}, line {number}")
        for number, line in enumerate(path.read_text("utf-8").split("\n"), 1)
        if line.strip()
    ]
    if not passages:
        raise EvalError(f"{path} holds no passages", hint="each line is one annotated passage")
    return passages


def _passage(line: str, documents: Path, where: str) -> AnnotatedPassage:
    try:
        case = json.loads(line)
        document, quote = str(case["document"]), str(case["quote"])
        entities = tuple(map(str, case["entities"]))
        relations = tuple(
            (str(source), str(label), str(target)) for source, label, target in case["relations"]
        )
        text = (documents / document).read_text("utf-8")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvalError(
            f"{where}: {error!r}", hint="each line is an object {document, quote, entities, relations}"
        ) from None
    found = re.search(r"\s+".join(map(re.escape, quote.split())), text)
    if not found or not quote.strip():
        raise EvalError(f"{where}: the quote isn't in {document}", hint="copy it from there")
    return AnnotatedPassage(document, text, found.start(), found.end(), entities, relations)
