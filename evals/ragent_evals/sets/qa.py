"""Sets of questions over texts: some can be answered from them, some can't."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ragent.errors import EvalError

_FORM = 'lines {"question": …, "answers": […], "is_impossible": false}, or SQuAD\'s own JSON'
Each = TypeVar("Each")


@dataclass(frozen=True, slots=True)
class Case:
    """A question. `answers` is empty where nothing in the texts answers it; `context_id` may be ""."""

    question: str
    answers: tuple[str, ...]
    context_id: str = ""

    @property
    def is_answerable(self) -> bool:
        return bool(self.answers)


@dataclass(frozen=True, slots=True)
class QaSet:
    """Questions, and the texts to answer them from: each with a title. No texts: those of the collection."""

    name: str
    cases: tuple[Case, ...]
    texts: Mapping[str, str]
    titles: Mapping[str, str]


def read_qa(path: Path) -> QaSet:
    """Read a set: a folder of `questions.jsonl` and `contexts.jsonl`, a file of questions, or SQuAD's JSON.

    Raises:
        EvalError: it isn't there, or not of that form.
    """
    try:
        if path.suffix == ".json":
            return _squad(path)
        questions = path / "questions.jsonl" if path.is_dir() else path
        contexts = questions.parent / "contexts.jsonl"
        cases = tuple(_case(line) for line in _lines(questions))
        lines = _lines(contexts) if contexts.exists() else []
        texts = {str(line["_id"]): line["text"] for line in lines}
        titles = {str(line["_id"]): str(line.get("title", "")) for line in lines}
    except OSError as error:
        raise EvalError(f"can't read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvalError(f"{path} is no set of questions: {error!r}", hint=f"it holds {_FORM}") from error
    if not cases:
        raise EvalError(f"{path} holds no questions", hint=f"it holds {_FORM}")
    return QaSet(path.stem, cases, texts, titles)


def half_of(qa: QaSet, half: int) -> list[Case]:
    """The cases of every second article by title, from the first (0) or the second (1) on."""
    chosen = set(sorted(set(qa.titles.values()))[half::2])
    return [case for case in qa.cases if qa.titles[case.context_id] in chosen]


def balanced(cases: Sequence[Case], most: int) -> list[Case]:
    """So many of the cases, half of them answerable where there are enough, each half evenly spread."""
    able = [case for case in cases if case.is_answerable]
    unable = spread([case for case in cases if not case.is_answerable], most // 2)
    return spread(able, most - len(unable)) + unable


def spread(cases: Sequence[Each], most: int) -> list[Each]:
    """So many of the cases at most, evenly spread, always the same."""
    count = min(most, len(cases))
    return [cases[number * len(cases) // count] for number in range(count)]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def _case(line: Mapping[str, Any]) -> Case:
    answers = () if line.get("is_impossible") else tuple(line["answers"])
    return Case(line["question"], answers, str(line.get("context_id", "")))


def _squad(path: Path) -> QaSet:
    cases: list[Case] = []
    texts: dict[str, str] = {}
    titles: dict[str, str] = {}
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            id_ = f"p{len(texts)}"
            texts[id_], titles[id_] = paragraph["context"], article.get("title", "")
            for line in paragraph["qas"]:
                answers = () if line.get("is_impossible") else tuple(each["text"] for each in line["answers"])
                cases.append(Case(line["question"], tuple(dict.fromkeys(answers)), id_))
    return QaSet(path.stem, tuple(cases), texts, titles)
