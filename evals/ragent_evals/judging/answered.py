"""What a judge is shown: answers with their questions, from a file or from a kept run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ragent.errors import EvalError
from ragent.store import Store
from ragent_evals.outcome import Outcome
from ragent_evals.running.reading import read_kept
from ragent_evals.sets.case import Case

Item = TypeVar("Item")

_NO_ANSWER = "The documents don't say: there is no answer."


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to judge. `label` is what a person says of it; None if nobody did."""

    id: str
    question: str
    answer: str
    reference: str = ""
    passages: tuple[str, ...] = ()
    label: Any = None


@dataclass(frozen=True, slots=True)
class AnsweredRun:
    """The answers of a kept run, in the set's order.

    Attributes:
        id: the run's.
        name: the run's, or its id.
        arena: names the cases: runs over the same ones share it.
        collection: whose documents were asked.
        answers: those that were given.
        silent: how many cases have no answer: withheld, failed, or forgotten.
    """

    id: str
    name: str
    arena: str
    collection: str
    answers: tuple[Answered, ...]
    silent: int


def read_answers(path: Path) -> list[Answered]:
    """Read {id, question, answer, reference, passages, label}, a JSON object a line; the last three may lack.

    `reference` may be a list, of which any will do; passages are texts or objects with a `text`.

    Raises:
        EvalError: a line isn't such an object, or an id comes twice.
    """
    return read_lines(path, _answered)


def with_labels(answers: Sequence[Answered], path: Path) -> list[Answered]:
    """The answers with the labels of a file of {id, label}. Raises EvalError if it names none of them."""
    lines = read_lines(path, lambda line: (str(line["id"]), line["label"]))
    labels = dict(lines)
    if not labels.keys() & {one.id for one in answers}:
        raise EvalError(f"{path} has no label for any of these answers", hint='{"id": …, "label": …} a line')
    return [replace(one, label=labels.get(one.id, one.label)) for one in answers]


def answers_of(store: Store, reference: str) -> AnsweredRun:
    """A run's answers, by its id or name. Raises StoreError if there is no such run."""
    run = read_kept(store, reference)
    pairs = list(zip(run.cases, run.outcomes, strict=True))
    found = [_of_run(case, outcome) for case, outcome in pairs if _is_answered(case, outcome)]
    arena = "-".join(part for part in (run.set_name, run.split, run.version[:12]) if part)
    return AnsweredRun(
        run.id, run.name or run.id, arena, run.collection, tuple(found), len(pairs) - len(found)
    )


def read_lines(path: Path, parse: Callable[[Mapping[str, Any]], Item]) -> list[Item]:
    """Parse each line of JSON Lines; blank ones are passed over.

    Raises:
        EvalError: the file can't be read, a line is no object, or `parse` raised KeyError or ValueError.
    """
    found: list[Item] = []
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EvalError(f"can't read {path}: {error}", hint="JSON Lines are wanted, in UTF-8") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise ValueError("not an object")
            found.append(parse(value))
        except KeyError as error:
            raise EvalError(f"{path}, line {number}: it has no {error}") from error
        except ValueError as error:
            raise EvalError(f"{path}, line {number}: {error}", hint="a JSON object a line") from error
    return found


def _answered(line: Mapping[str, Any]) -> Answered:
    given = line.get("reference", line.get("answers", ""))
    reference = " / ".join(map(str, given)) if isinstance(given, list) else str(given)
    passages = tuple(
        str(one["text"]) if isinstance(one, dict) else str(one) for one in line.get("passages") or ()
    )
    texts = (str(line["id"]), str(line["question"]), str(line["answer"]))
    return Answered(*texts, reference, passages, line.get("label"))


def _is_answered(case: Case, outcome: Outcome) -> bool:
    return bool(case.question and outcome.text) and not (outcome.abstained or outcome.error)


def _of_run(case: Case, outcome: Outcome) -> Answered:
    """Forgotten passages are without words, and left out."""
    reference = _NO_ANSWER if case.is_impossible else " / ".join(case.answers)
    passages = tuple(found.text for found in outcome.found if found.text)
    return Answered(case.id, case.question, outcome.text, reference, passages)
