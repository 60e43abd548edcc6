"""Retrieval sets in the layout of BEIR (Thakur et al. 2021, arXiv:2104.08663)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import xxhash

from ragent.errors import EvalError
from ragent.retrieval import read_queries
from ragent.types import Document, Item, RawDocument

Qrels = Mapping[str, Mapping[str, int]]
"""By query id, the grade of each judged document: 0 is irrelevant, and more is better."""

_LAYOUT = "the BEIR layout is corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv"


@dataclass(frozen=True)
class BeirSet:
    """One split of a set, all of it checked.

    Attributes:
        name: the folder's name.
        lines: by document id, the document's line of the corpus.
        queries: text by id, of the split's queries that have something relevant.
        qrels: the grades of these queries.
    """

    name: str
    split: str
    lines: Mapping[str, bytes]
    queries: Mapping[str, str]
    qrels: Qrels

    @cached_property
    def content_hash(self) -> str:
        """Tells this corpus from any other."""
        digest = xxhash.xxh3_128()
        for line in self.lines.values():
            digest.update(line + b"\n")
        return digest.hexdigest()


@dataclass(frozen=True)
class JudgedSet:
    """Splits of a set, all of it checked: the lines of its corpus, its queries, and qrels by split."""

    name: str
    lines: Mapping[str, bytes]
    queries: Mapping[str, str]
    qrels: Mapping[str, Qrels]


def read_beir(folder: Path, split: str) -> BeirSet:
    """Read a set. Raises EvalError, saying where, for anything missing, malformed or contradictory."""
    judged = read_judged(folder, [split])
    qrels = judged.qrels[split]
    return BeirSet(judged.name, split, judged.lines, {id_: judged.queries[id_] for id_ in qrels}, qrels)


def read_judged(folder: Path, splits: Sequence[str] = ()) -> JudgedSet:
    """Read some splits of a set, or all of them. Raises EvalError as `read_beir` does."""
    lines = _read_corpus(folder / "corpus.jsonl")
    queries = read_queries(folder / "queries.jsonl")
    there = splits or sorted(path.stem for path in (folder / "qrels").glob("*.tsv"))
    if not there:
        raise EvalError(f"{folder / 'qrels'} holds no splits", hint=_LAYOUT)
    ids = set(queries), set(lines)
    return JudgedSet(
        folder.resolve().name,
        lines,
        queries,
        {split: _relevant_only(_read_qrels(folder / "qrels", split, *ids), split, folder) for split in there},
    )


def _relevant_only(qrels: Qrels, split: str, folder: Path) -> Qrels:
    """The queries for which something is relevant."""
    kept = {query: grades for query, grades in qrels.items() if any(grades.values())}
    if not kept:
        raise EvalError(f"split {split!r} of {folder} names no relevant document")
    return kept


class BeirSource:
    """The corpus as a Source. Documents without any text are left out and counted in `empty`."""

    def __init__(self, beir: BeirSet) -> None:
        self.uri = f"beir:{beir.name}"
        lines = beir.lines
        texts = {uri_of(id_): line for id_, line in lines.items()}
        self._lines = {uri: line for uri, line in texts.items() if _words_of(json.loads(line))}
        self.empty = len(lines) - len(self._lines)

    def items(self) -> Iterator[Item]:
        """One item a document; its version is the hash of its line."""
        for uri, line in self._lines.items():
            yield Item(uri, xxhash.xxh3_128_hexdigest(line))

    def load(self, item: Item) -> RawDocument:
        """The document's line."""
        return RawDocument(item.uri, item.uri, self._lines[item.uri])


def parse_line(raw: RawDocument) -> Document:
    """A document from its line. One that has only a title has it as its text."""
    line = json.loads(raw.data)
    title = (line.get("title") or "").strip()
    return Document(raw.uri, title, _words_of(line), "application/json")


def uri_of(document_id: str) -> str:
    """The address that a document of a corpus has in the store."""
    return "beir:" + quote(document_id)


def _words_of(line: Mapping[str, Any]) -> str:
    return (line.get("text") or "").strip() or (line.get("title") or "").strip()


def _read_corpus(path: Path) -> dict[str, bytes]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EvalError(f"can't read {path}: {error.strerror}", hint=_LAYOUT) from error
    lines: dict[str, bytes] = {}
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        id_ = _document_id(line)
        if id_ is None:
            raise EvalError(
                f"{path}, line {number}: not a document",
                hint='a line is {"_id": "…", "title": "…", "text": "…"}',
            )
        if id_ in lines:
            raise EvalError(f"{path}, line {number}: a second document {id_!r}", hint="ids must differ")
        lines[id_] = line
    if not lines:
        raise EvalError(f"{path} holds no documents", hint=_LAYOUT)
    return lines


def _document_id(line: bytes) -> str | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    if not isinstance(document, dict) or not isinstance(document.get("_id"), str):
        return None
    is_text = all(isinstance(document.get(key), str | None) for key in ("title", "text"))
    return document["_id"] if is_text else None


def _read_qrels(
    folder: Path, split: str, queries: set[str], documents: set[str]
) -> dict[str, dict[str, int]]:
    path = folder / f"{split}.tsv"
    try:
        rows = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        there = ", ".join(sorted(found.stem for found in folder.glob("*.tsv")))
        raise EvalError(
            f"no split {split!r} in {folder}", hint=f"--split: {there}" if there else _LAYOUT
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise EvalError(f"can't read {path}: {error}") from error
    qrels: dict[str, dict[str, int]] = {}
    for number, row in enumerate(rows[1:], 2):
        if not row.strip():
            continue
        query, document, grade = _judgement(row, f"{path}, line {number}")
        for id_, known, file in ((query, queries, "queries.jsonl"), (document, documents, "corpus.jsonl")):
            if id_ not in known:
                raise EvalError(
                    f"{path}, line {number}: {id_!r} is not in {file}", hint="is it another set's?"
                )
        qrels.setdefault(query, {})[document] = grade
    return qrels


def _judgement(row: str, where: str) -> tuple[str, str, int]:
    try:
        query, document, grade = row.split("\t")
        if int(grade) >= 0:
            return query, document, int(grade)
    except ValueError:
        raise EvalError(
            f"{where}: not a judgement", hint="query-id, corpus-id and grade, parted by tabs"
        ) from None
    # Sets differ in what a negative grade means, and to guess wrong would change every figure.
    raise EvalError(f"{where}: the grade is {grade}", hint="0 is irrelevant, 1 or more relevant")
