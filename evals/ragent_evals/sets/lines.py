"""Our own layout: JSON Lines of cases, each of which `case.schema.json` describes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from ragent.errors import EvalError
from ragent_evals.sets.case import Case, Kind, Passage, Turn

SCHEMA_PATH = Path(__file__).with_name("case.schema.json")
DEFAULT_PROMPT = "Write a JSON value that obeys the schema."
_FIELDS = tuple(each.name for each in fields(Case))


@dataclass(frozen=True, slots=True)
class Line:
    """An object of a file, and where it stands there, for messages."""

    where: str
    fields: Mapping[str, Any]


def read_lines(path: Path) -> Iterator[Line]:
    """The objects of a JSON Lines file. Raises EvalError for a line that is none, or no file."""
    try:
        content = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EvalError(f"can't read {path}: {getattr(error, 'strerror', None) or error}") from error
    # Not by splitlines: it also parts lines at characters that JSON strings may hold.
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except ValueError as error:
            raise EvalError(f"{where}: no JSON: {error}", hint="JSON Lines: one object a line") from None
        if not isinstance(value, dict):
            raise EvalError(f"{where}: not an object", hint="JSON Lines: one object a line")
        yield Line(where, value)


def read_case(line: Line) -> Case:
    """The case of a line. Raises EvalError, naming file, line and field, if it doesn't obey the schema."""
    said = line.fields
    _validate(line)
    kind = said.get("kind") or _kind(said)
    turns = tuple(
        Turn(turn["question"], tuple(turn.get("answers", ())), _is_impossible(turn))
        for turn in said.get("turns", ())
    )
    case = Case(
        id=said["id"],
        kind=kind,
        question=said.get("question") or (turns[-1].question if turns else DEFAULT_PROMPT),
        answers=tuple(said.get("answers", ())),
        is_impossible=kind == "answer" and not is_to_label(said) and _is_impossible(said),
        relevant={**said.get("relevant", {})},
        passages=tuple(Passage(**each) for each in said.get("passages", ())),
        given=tuple(said.get("given", ())),
        schema=said.get("schema"),
        functions=tuple(said.get("functions", ())),
        calls=tuple(said.get("calls", ())),
        turns=turns,
        slices={**said.get("slices", {})},
        split=said.get("split", ""),
    )
    return _with_shorthand(case, said)


def check_case(case: Case, where: str) -> None:
    """Raises EvalError for a case that contradicts itself, or asks for nothing."""
    if problem := _problem(case):
        raise EvalError(f"{where}: {problem}", hint="docs/evals-sets.md says what a case holds")


def is_ours(said: Mapping[str, Any]) -> bool:
    """Whether an object has no other fields than our own layout."""
    return set(said) <= set(_schema()["properties"])


def is_to_label(said: Mapping[str, Any]) -> bool:
    """Whether a line waits for a person to say what the right answer is."""
    return bool(said.get("to_label"))


def case_line(case: Case) -> dict[str, Any]:
    """A case as the object of a line, without what is empty."""
    kept: dict[str, Any] = {name: value for name in _FIELDS if (value := getattr(case, name))}
    kept["answers"] = list(case.answers)
    if case.kind == "schema":
        kept["schema"] = case.schema
    if case.kind == "tools":
        kept["calls"] = list(case.calls)
    if case.kind != "answer" and not case.answers:
        del kept["answers"]
    for name, parts in (("passages", case.passages), ("turns", case.turns)):
        if parts:
            kept[name] = [_without_empty(asdict(part)) for part in parts]
    return kept


def _without_empty(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if value is not None and value is not False}


def _kind(said: Mapping[str, Any]) -> Kind:
    if "turns" in said:
        return "turns"
    if "schema" in said:
        return "schema"
    if "functions" in said:
        return "tools"
    found_only = "answers" not in said and "is_impossible" not in said and not is_to_label(said)
    return "retrieval" if found_only and (said.get("relevant") or said.get("passages")) else "answer"


def _is_impossible(said: Mapping[str, Any]) -> bool:
    return bool(said.get("is_impossible", said.get("answers") == []))


def _with_shorthand(case: Case, said: Mapping[str, Any]) -> Case:
    """The case with what `context_id`, `answer_starts` and `evidence` say."""
    relevant, passages = dict(case.relevant), list(case.passages)
    if about := said.get("context_id"):
        relevant.setdefault(about, 0 if case.is_impossible else 1)
        if case.answers and said.get("answer_starts"):
            # Which of the answers stands there shows in the text.
            passages.append(Passage(about, case.answers[0], said["answer_starts"][0]))
    for each in said.get("evidence", ()):
        relevant.setdefault(each["document"], 1)
        passages.append(Passage(each["document"], each["quote"]))
    return replace(case, relevant=relevant, passages=tuple(passages))


def _validate(line: Line) -> None:
    validator = _validator()
    if validator.is_valid(line.fields):
        return
    from jsonschema.exceptions import best_match

    error = best_match(validator.iter_errors(line.fields))
    field = "/".join(map(str, error.absolute_path))
    raise EvalError(
        f"{line.where}{f', {field}' if field else ''}: {error.message}",
        hint="docs/evals-sets.md says what a line holds",
    )


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_schema())


@cache
def _schema() -> Any:
    return json.loads(SCHEMA_PATH.read_text("utf-8"))


def _problem(case: Case) -> str:
    if case.is_impossible and any(case.relevant.values()):
        return "is_impossible, and yet relevant names a text that answers it"
    if case.is_impossible and case.passages:
        return "is_impossible, and yet it has passages"
    if case.kind == "retrieval" and not (any(case.relevant.values()) or case.passages):
        return "nothing is relevant: neither relevant nor passages"
    asked = [("", case.answers, case.is_impossible)] if case.kind == "answer" else []
    asked += [(f"turns/{n}: ", turn.answers, turn.is_impossible) for n, turn in enumerate(case.turns)]
    for where, answers, is_impossible in asked:
        if is_impossible and answers:
            return f"{where}is_impossible, and yet it has answers"
        if not is_impossible and not answers:
            return f"{where}it has no answers, and isn't is_impossible"
    return ""
