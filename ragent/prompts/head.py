"""The head of a template's file: lines of `name: value` above its first section.

::

    version: 2
    description: Answers in one sentence.
    gives_way: examples first, passages last keep 1
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ragent.errors import ConfigError

_LINE = re.compile(r"(?P<name>[a-z][a-z0-9_]*):[ \t]*(?P<value>.*?)[ \t]*")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_PART = re.compile(r"(?P<name>[a-z][a-z0-9_]*)(?: (?P<end>first|last))?(?: keep (?P<keep>[0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class Part:
    """A list among a template's values that gives way when the prompt is too long.

    Attributes:
        name: Of the value.
        from_first: Whether its first items go first, rather than its last.
        keep: How many items it keeps in any case.
    """

    name: str
    from_first: bool = False
    keep: int = 0


PASSAGES_GIVE_WAY = (Part("passages"),)
"""What holds for a template that declares nothing."""


def read_head(text: str) -> dict[str, str]:
    """The names and values of a head. Raises ConfigError for a line that is neither, or said twice."""
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line)
        if not found or found["name"] in values:
            what = "says again what was said" if found else 'is not "name: value"'
            raise ConfigError(f"line {number} {what}", hint="a section begins with a line [system] or [user]")
        values[found["name"]] = found["value"]
    return values


def write_head(values: Mapping[str, str]) -> str:
    """The lines of a head; whatever stands on several lines is put on one."""
    return "".join(f"{name}: {' '.join(value.split())}\n" for name, value in values.items())


def version_in(head: Mapping[str, str]) -> int:
    """The version that a head gives: 1 if it gives none. Raises ConfigError unless it counts from 1."""
    version = head.get("version", "1")
    if not _VERSION.fullmatch(version):
        raise ConfigError(f"{version!r} is not a version", hint="versions are 1, 2, 3 …")
    return int(version)


def parts_in(head: Mapping[str, str]) -> tuple[Part, ...]:
    """What gives way, in order. Raises ConfigError if it is not a list of parts."""
    if "gives_way" not in head:
        return PASSAGES_GIVE_WAY
    parts: list[Part] = []
    if not head["gives_way"]:
        return ()
    for entry in head["gives_way"].split(","):
        found = _PART.fullmatch(" ".join(entry.split()))
        if not found:
            raise ConfigError(
                f"gives_way: {entry.strip()!r} is not a part",
                hint="gives_way: examples first, passages last keep 1",
            )
        parts.append(Part(found["name"], found["end"] == "first", int(found["keep"] or 0)))
    if len({part.name for part in parts}) < len(parts):
        raise ConfigError("gives_way: a part can give way only once", hint="name each part once")
    return tuple(parts)
