"""The texts that a set brings with it, and where in them its passages stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ragent.errors import EvalError, ParseError
from ragent.ingest import parse
from ragent.types import RawDocument
from ragent_evals.sets.case import Case, Passage, Text
from ragent_evals.sets.lines import read_lines

TEXT_FILES = ("texts.jsonl", "contexts.jsonl")
_ASKED_OF_TEXTS = ("retrieval", "answer", "turns")


def read_texts_beside(folder: Path) -> dict[str, Text]:
    """The texts of a folder, by id; none if it holds none.

    They are in `texts.jsonl` or `contexts.jsonl`, as files to be parsed in `documents/` (an id is the file's
    path there), or as plain text in `corpora/` (an id is the file's name without its ending).

    Raises:
        EvalError: one of them can't be read, or two have the same id.
    """
    for name in TEXT_FILES:
        if (folder / name).is_file():
            return read_text_lines(folder / name)
    if (folder / "documents").is_dir():
        return {
            path.relative_to(folder / "documents").as_posix(): _parsed(path)
            for path in sorted((folder / "documents").rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }
    plain = sorted((folder / "corpora").glob("*.*"))
    # As bytes, for offsets count the characters of the file as it is.
    return {path.stem: Text(path.stem, path.read_bytes().decode("utf-8", "replace")) for path in plain}


def read_text_lines(path: Path) -> dict[str, Text]:
    """The texts of JSON Lines of {_id, title, text}. Raises EvalError."""
    texts: dict[str, Text] = {}
    for line in read_lines(path):
        id_, title, text = (line.fields.get(name) or "" for name in ("_id", "title", "text"))
        if not isinstance(id_, str) or not id_ or not isinstance(title, str) or not isinstance(text, str):
            raise EvalError(
                f"{line.where}: not a text", hint='a line is {"_id": "…", "title": "…", "text": "…"}'
            )
        if id_ in texts:
            raise EvalError(f"{line.where}, _id: a second text {id_!r}", hint="ids must differ")
        texts[id_] = Text(title, text)
    return texts


def is_about_texts(cases: Iterable[Case]) -> bool:
    """Whether any of the cases needs texts to be answered from."""
    return any(case.kind in _ASKED_OF_TEXTS for case in cases)


def located(case: Case, texts: Mapping[str, Text], where: str) -> Case:
    """The case with the offsets of its passages.

    Raises:
        EvalError: it names a text that isn't there, or a passage that doesn't stand in its text.
    """
    for id_ in (*case.relevant, *case.given):
        if id_ not in texts:
            raise EvalError(f"{where}: {id_!r} is not among the set's texts", hint="is it another set's?")
    passages = tuple(_located(each, case.answers, texts, where) for each in case.passages)
    return replace(case, passages=passages)


def _located(passage: Passage, answers: Sequence[str], texts: Mapping[str, Text], where: str) -> Passage:
    if passage.text_id not in texts:
        raise EvalError(
            f"{where}: {passage.text_id!r} is not among the set's texts", hint="is it another set's?"
        )
    text, start, end, quote = texts[passage.text_id].text, passage.start, passage.end, passage.quote
    if start is None:
        # Any white space will do: a quote is often of one line, where the text's lines are broken.
        found = re.search(r"\s+".join(map(re.escape, quote.split())), text)
        if not found:
            raise EvalError(
                f"{where}: {quote[:60]!r} doesn't stand in {passage.text_id!r}",
                hint="a quote is verbatim text, but for white space",
            )
        return Passage(passage.text_id, found[0], *found.span())
    if end is None:
        quote = max((each for each in answers if text.startswith(each, start)), key=len, default=quote)
        end = start + len(quote)
    if text[start:end] != quote:
        raise EvalError(
            f"{where}: characters {start} to {end} of {passage.text_id!r} are not {quote[:60]!r}",
            hint="offsets count characters; leave them out to have the quote looked for",
        )
    return Passage(passage.text_id, quote, start, end)


def _parsed(path: Path) -> Text:
    try:
        document = parse(RawDocument(uri=path.resolve().as_uri(), name=path.name, data=path.read_bytes()))
    except (OSError, ParseError) as error:
        raise EvalError(f"can't read {path}: {error}") from error
    return Text(document.title, document.text)
