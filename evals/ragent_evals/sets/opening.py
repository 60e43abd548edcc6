"""The one way in: whatever layout a set comes in, its cases and texts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ragent.errors import EvalError
from ragent_evals.sets.beir import read_judged
from ragent_evals.sets.case import Case, EvalSet, Kind, Text
from ragent_evals.sets.choosing import MADE_SPLITS, group_of, split_of, spread
from ragent_evals.sets.digests import corpus_of, version_of
from ragent_evals.sets.foreign import LAYOUTS, SQUAD, Layout
from ragent_evals.sets.lines import Line, check_case, is_ours, is_to_label, read_case, read_lines
from ragent_evals.sets.texts import TEXT_FILES, is_about_texts, located, read_texts_beside

CASES_FILES = ("cases.jsonl", "questions.jsonl")
_HINT = "docs/evals-sets.md shows the layouts"


@dataclass(frozen=True, slots=True)
class ReadSet:
    """Everything that a file or folder holds, and how many of its lines wait to be labelled."""

    name: str
    layout: str
    cases: tuple[Case, ...]
    texts: Mapping[str, Text]
    to_label: int = 0


def open_set(
    path: str | Path, split: str | None = None, limit: int | None = None, kind: Kind | None = None
) -> EvalSet:
    """Open a set, recognising its layout: see docs/evals-sets.md.

    Args:
        path: a file or a folder.
        split: only cases of this split. A set that names no splits is parted into `train` and `test`, so
            that no group (an article, say) is in both. None: all cases.
        limit: so many cases at most, evenly spread, always the same.
        kind: only cases of this kind. An answer case that names what is relevant will do as a retrieval
            case, and a retrieval case with answers as an answer case. None: each as it is.

    Raises:
        EvalError: it can't be read, is malformed or contradictory, or has no such cases.
    """
    return selected(read_set(Path(path), split), split, limit, kind)


def selected(
    read: ReadSet, split: str | None = None, limit: int | None = None, kind: Kind | None = None
) -> EvalSet:
    """Some of what was read; see `open_set`."""
    cases: Sequence[Case] = read.cases
    if kind:
        cases = [fitting for case in cases if (fitting := _as_kind(case, kind))]
        if not cases:
            there = ", ".join(sorted({case.kind for case in read.cases}))
            raise EvalError(f"{read.name} holds no cases of kind {kind}", hint=f"it holds: {there}")
    if split is not None:
        cases = _of_split(read, cases, split)
    if limit is not None:
        cases = spread(cases, limit)
    texts = read.texts if is_about_texts(cases) else {}
    return EvalSet(read.name, tuple(cases), texts, version_of(cases), corpus_of(texts))


def read_set(path: Path, split: str | None = None) -> ReadSet:
    """Read all of a set, checked; of a BEIR folder's splits only one, if it is named. Raises EvalError."""
    if not path.exists():
        raise EvalError(f"there is no {path}", hint="name a file or a folder")
    if path.is_dir() and (path / "qrels").is_dir():
        read = _beir(path, [split] if split else [])
    else:
        name = path.resolve().name if path.is_dir() else path.stem
        read = replace(_file(_cases_file(path) if path.is_dir() else path), name=name)
    if not read.cases:
        waiting = f": {read.to_label} wait to be labelled" if read.to_label else ""
        raise EvalError(f"{path} holds no cases{waiting}", hint=_HINT)
    double = [id_ for id_, count in Counter(case.id for case in read.cases).items() if count > 1]
    if double:
        splits = sorted({case.split for case in read.cases if case.id == double[0]})
        hint = f"name one split: {', '.join(splits)}" if len(splits) > 1 else "ids must differ"
        raise EvalError(f"{path}: two cases have the id {double[0]!r}", hint=hint)
    return read


def _beir(folder: Path, splits: Sequence[str]) -> ReadSet:
    judged = read_judged(folder, splits)
    asked = {line.fields["_id"]: line.fields for line in read_lines(folder / "queries.jsonl")}
    cases = []
    for split, qrels in judged.qrels.items():
        for id_, grades in qrels.items():
            answers = asked[id_].get("answers", [asked[id_].get("answer")])
            cases.append(
                Case(
                    id=id_,
                    kind="retrieval",
                    question=judged.queries[id_],
                    answers=tuple(each for each in answers if isinstance(each, str) and each),
                    relevant=dict(grades),
                    slices={
                        name: str(asked[id_][name]) for name in ("type", "level") if asked[id_].get(name)
                    },
                    split=split,
                )
            )
    texts = {id_: _text(json.loads(line)) for id_, line in judged.lines.items()}
    return ReadSet(judged.name, "BEIR", tuple(cases), texts)


def _text(line: Mapping[str, Any]) -> Text:
    return Text(line.get("title") or "", line.get("text") or "")


def _cases_file(folder: Path) -> Path:
    for name in CASES_FILES:
        if (folder / name).is_file():
            return folder / name
    others = [path for path in sorted(folder.glob("*.jsonl")) if path.name not in TEXT_FILES]
    if len(others) == 1:
        return others[0]
    named = f"name one: {', '.join(path.name for path in others)}" if others else _HINT
    raise EvalError(f"{folder} holds no {' or '.join(CASES_FILES)}", hint=named)


def _file(path: Path) -> ReadSet:
    lines = list(_objects(path))
    layout = _layout(path, lines)
    texts: dict[str, Text] = {}
    found: list[tuple[str, Case]] = []
    to_label = 0
    for number, line in enumerate(lines, 1):
        if layout is None:
            case = read_case(line)
            if is_to_label(line.fields):
                to_label += 1
                continue
            found.append((line.where, case))
        else:
            found += [(line.where, case) for case in _read(layout, line, number, texts)]
    for where, case in found:
        check_case(case, where)
    if not (layout and layout.brings_texts) and is_about_texts(case for _, case in found):
        texts = read_texts_beside(path.parent)
    cases = tuple(located(case, texts, where) if texts else case for where, case in found)
    return ReadSet(path.stem, layout.name if layout else "cases", cases, texts, to_label)


def _layout(path: Path, lines: Sequence[Line]) -> Layout | None:
    """The layout of the first line; None for our own."""
    if not lines:
        raise EvalError(f"{path} is empty", hint=_HINT)
    first = lines[0].fields
    if is_ours(first):
        return None
    return next((each for each in (*LAYOUTS, SQUAD) if each.keys <= first.keys()), None)


def _read(layout: Layout, line: Line, number: int, texts: dict[str, Text]) -> list[Case]:
    try:
        return list(layout.read(line.fields, number, texts))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise EvalError(
            f"{line.where}: not as {layout.name} has it: {error!r}", hint="is the file whole?"
        ) from error


def _objects(path: Path) -> Iterator[Line]:
    """The objects of a file: lines, a list, or SQuAD's articles under `data`."""
    if path.suffix == ".json":
        try:
            whole = json.loads(path.read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise EvalError(f"can't read {path}: {error}") from error
        except ValueError:
            whole = None  # JSON Lines with the ending of JSON, as RGB's are
        if isinstance(whole, dict) and isinstance(whole.get("data"), list):
            whole = whole["data"]
        if isinstance(whole, list):
            for number, each in enumerate(whole, 1):
                if not isinstance(each, dict):
                    raise EvalError(f"{path}, item {number}: not an object", hint=_HINT)
                yield Line(f"{path}, item {number}", each)
            return
    yield from read_lines(path)


def _as_kind(case: Case, kind: Kind) -> Case | None:
    if case.kind == kind:
        return case
    finds = kind == "retrieval" and case.kind == "answer" and any(case.relevant.values())
    answers = kind == "answer" and case.kind == "retrieval" and case.answers
    return replace(case, kind=kind) if finds or answers else None


def _of_split(read: ReadSet, cases: Sequence[Case], split: str) -> list[Case]:
    named = sorted({case.split for case in cases} - {""})
    if not named:
        cases = [replace(case, split=split_of(group_of(case, read.texts))) for case in cases]
    found = [case for case in cases if case.split == split]
    if not found:
        there = ", ".join(named or MADE_SPLITS)
        why = "" if named or split not in MADE_SPLITS else ": all of its cases are of the same group"
        raise EvalError(f"{read.name} has no cases in the split {split!r}{why}", hint=f"splits: {there}")
    return found
