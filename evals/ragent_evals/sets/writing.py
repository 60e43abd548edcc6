"""Writes a set in our own layout: a folder of `cases.jsonl` and `texts.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ragent.errors import EvalError
from ragent_evals.sets.case import EvalSet
from ragent_evals.sets.lines import case_line


def write_set(of: EvalSet, folder: Path) -> None:
    """Write a set to a new folder. Raises EvalError if something is there already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise EvalError(f"{folder} isn't empty", hint="name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "cases.jsonl", map(case_line, of.cases))
    if of.texts:
        texts = ({"_id": id_, "title": text.title, "text": text.text} for id_, text in of.texts.items())
        write_lines(folder / "texts.jsonl", texts)


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON Lines, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    with beside.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    beside.replace(path)
