"""The part of a prompt that tells the model what to do, and the examples beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ragent.errors import EvalError
from ragent.prompts import Example, PromptTemplate


def instructed(template: PromptTemplate, instruction: str) -> str:
    """The body of a template with another instruction: the paragraph before the question.

    Raises:
        EvalError: the template has no such paragraph.
    """
    lines = template.body.splitlines()
    first, last = _instruction(template, lines)
    return "\n".join([*lines[:first], instruction, *lines[last:]]) + "\n"


def instruction_of(template: PromptTemplate) -> str:
    """What a template tells the model to do. Raises EvalError as `instructed` does."""
    lines = template.body.splitlines()
    first, last = _instruction(template, lines)
    return " ".join(lines[first:last])


def _instruction(template: PromptTemplate, lines: Sequence[str]) -> tuple[int, int]:
    asks = [number for number, line in enumerate(lines) if line.strip() == "{{ question }}"]
    last = asks[-1] if asks else 0
    while last and not lines[last - 1].strip():
        last -= 1
    first = last
    while first and lines[first - 1].strip() and not lines[first - 1].lstrip().startswith(("{", "[")):
        first -= 1
    if first == last:
        raise EvalError(
            f"the prompt {template.name!r} has no instruction that could be changed",
            hint="put it into a paragraph of its own, right before a line {{ question }}",
        )
    return first, last


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write examples in the layout that `ragent.prompts.read_examples` reads."""
    lines = [{"question": one.question, "answer": one.answer, "passages": one.passages} for one in examples]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
