"""Changes a few settings in a ragent.toml, and leaves the rest of the file as its owner wrote it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from ragent.errors import ConfigError
from ragent.index.files import replacing

_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?")


def write_settings(path: Path, section: str, values: Mapping[str, str]) -> None:
    """Set keys of a section, given as TOML, in one step; the file and the section are made if need be.

    Raises:
        ConfigError: the file can't be read or written, or writes the section in a way not followed here.
    """
    try:
        before = path.read_text("utf-8") if path.exists() else ""
        after = changed(before, section, values)
        wanted = tomllib.loads("\n".join(f"{key} = {value}" for key, value in values.items()))
        if not wanted.items() <= tomllib.loads(after).get(section, {}).items():
            raise ConfigError(
                f"can't set [{section}] in {path}", hint=f"write it there by hand: {dict(values)}"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(after, "utf-8")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"can't change {path}: {error}") from error


def changed(text: str, section: str, values: Mapping[str, str]) -> str:
    """The text of a settings file with these keys set in a section; one that is commented out comes alive."""
    lines: list[str] = []
    left = dict(values)
    inside = found = False
    for line in text.splitlines():
        header = _HEADER.fullmatch(line)
        if header:
            if inside:
                lines[_end(lines) :] = [
                    *(f"{key} = {value}" for key, value in left.items()),
                    *lines[_end(lines) :],
                ]
                left.clear()
            inside = header[1].strip() == section
            found = found or inside
        key = next(
            (key for key in left if inside and re.match(rf"\s*(?:#\s*)?{re.escape(key)}\s*=", line)), None
        )
        lines.append(line if key is None else f"{key} = {left.pop(key)}")
    if not found:
        lines += [*([""] if lines else []), f"[{section}]"]
    lines += [f"{key} = {value}" for key, value in left.items()]
    return "\n".join(lines) + "\n"


def _end(lines: list[str]) -> int:
    """Where a section's last line that says anything ends."""
    return max((number for number, line in enumerate(lines, 1) if line.strip()), default=0)
