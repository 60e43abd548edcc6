"""What answers are critiqued by: a list of principles in a file."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ragent.errors import EvalError

_OWN = Path(__file__).with_name("principles.toml")
_LAYOUT = '[[principle]] with name = "…" and text = "…", once or more'


@dataclass(frozen=True, slots=True)
class Principle:
    """What a good answer keeps to, in a sentence."""

    name: str
    text: str


def read_principles(path: Path | None = None) -> list[Principle]:
    """The principles of a file, or those that come with ragent.

    Raises:
        EvalError: it isn't such a file, or two have one name.
    """
    file = path or _OWN
    try:
        told = tomllib.loads(file.read_text("utf-8"))
        found = [Principle(one["name"].strip(), one["text"].strip()) for one in told["principle"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvalError(f"{file} holds no principles: {error}", hint=_LAYOUT) from error
    if not found or not all(one.name and one.text for one in found):
        raise EvalError(f"{file} has a principle without a name or a text", hint=_LAYOUT)
    if len({one.name for one in found}) < len(found):
        raise EvalError(f"{file} has two principles of one name", hint="name each once")
    return found


def chosen_by_lot(principles: Sequence[Principle], lot: str) -> Principle:
    """One of them, always the same for the same lot."""
    number = int.from_bytes(hashlib.sha256(lot.encode()).digest()[:8], "big")
    return principles[number % len(principles)]
