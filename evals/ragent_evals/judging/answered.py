"""What a judge is shown: answers with their questions, from a file or from a kept run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ragent.errors import EvalError
from ragent.store import Store
from ragent.store.evals import find_eval_run, outcomes_of

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
    with store.reading() as connection:
        run = find_eval_run(connection, reference)
        rows = outcomes_of(connection, run.id)
    found = [_of_run(store, row.case, row.outcome) for row in rows if _is_answered(row.case, row.outcome)]
    arena = "-".join(part for part in (run.set_name, run.split, run.version[:12]) if part)
    name = run.name or run.id
    return AnsweredRun(run.id, name, arena, run.collection, tuple(found), len(rows) - len(found))


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


def _is_answered(case: Mapping[str, Any], outcome: Mapping[str, Any]) -> bool:
    silent = outcome.get("abstained") or outcome.get("error")
    return bool(case.get("question") and outcome.get("text") and not silent)


def _of_run(store: Store, case: Mapping[str, Any], outcome: Mapping[str, Any]) -> Answered:
    right = " / ".join(case.get("answers") or ())
    return Answered(
        str(case["id"]),
        case["question"],
        outcome["text"],
        _NO_ANSWER if case.get("is_impossible") else right,
        tuple(_passages(store, outcome)),
    )


def _passages(store: Store, outcome: Mapping[str, Any]) -> Iterator[str]:
    """What was found, from the documents themselves where the run keeps only where it stands."""
    for found in outcome.get("found") or ():
        if found.get("text"):
            yield found["text"]
            continue
        for document_id, _ in store.find_documents(found["text_id"]):
            text = store.document_text(document_id)
            if text:
                yield text[found["start"] : found["end"]]
                break
