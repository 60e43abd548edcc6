"""JSON values that can be written anywhere: into a database, a prompt, a terminal."""

from __future__ import annotations

import json
import re
from typing import Any

_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")

# Control characters, marks of direction, tags: what changes how a terminal shows the rest, or isn't shown.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)


def plain_text(text: str) -> str:
    """The text with U+FFFD for what UTF-8 or a database can't hold: lone surrogates, null bytes."""
    return _UNWRITABLE.sub("\ufffd", text)


def plain(value: Any) -> Any:
    """The same for every text within a JSON value. Raises RecursionError for one that is nested too deep."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        return {plain_text(str(key)): plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def read_json(text: str) -> Any:
    """What a model wrote, made plain. Raises ValueError for what isn't JSON, NaN included."""
    try:
        return plain(json.loads(text, parse_constant=_refuse))
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def as_json(value: Any) -> str:
    """As prompts show values."""
    return json.dumps(value, ensure_ascii=False)


def canonical(value: Any) -> str:
    """Equal for equal values only; 1 and 1.0 are equal, 1 and true aren't."""
    return json.dumps(_settled(value), sort_keys=True)


def visible(text: str) -> str:
    """The text as a person may be shown it: what would change the look of the rest is written out."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def cut(text: str, most: int) -> tuple[str, int]:
    """At most so many characters of a text, a note where its middle was, and how many were left out."""
    if len(text) <= most:
        return text, 0
    head, tail = most * 2 // 3, most - most * 2 // 3
    left_out = len(text) - most
    end = text[len(text) - tail :] if tail else ""
    return f"{text[:head]} [… {left_out} characters left out …] {end}", left_out


def _settled(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _settled(part) for key, part in value.items()}
    return [_settled(part) for part in value] if isinstance(value, list) else value


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
