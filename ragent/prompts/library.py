"""The templates there are: ragent's own, and the user's in HOME/prompts, in versions side by side.

`answer.jinja` says its version in its head, `answer@2.jinja` in its name. A user who has any version of a
prompt gets the newest of their own; `answer@1` asks for one version, the user's before ragent's.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ragent.errors import ConfigError
from ragent.prompts.head import write_head
from ragent.prompts.template import PromptTemplate, parse_prompt

_PACKAGED = Path(__file__).with_name("templates")
_SUFFIX = ".jinja"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_WANTED = re.compile(rf"(?P<name>{_NAME.pattern})(?:@(?P<version>[1-9][0-9]{{0,8}}))?")


def load_prompt(name: str, folder: Path | None = None) -> PromptTemplate:
    """Load a template by name, in its newest version, or by `name@version`.

    Args:
        name: small letters, digits and hyphens only, so that it can't name a place outside (CVE-2026-34070).
        folder: the user's own templates (HOME/prompts), which win over those that come with ragent.

    Raises:
        ConfigError: the name isn't one, nothing has it, or the file isn't a valid template.
    """
    wanted = _WANTED.fullmatch(name)
    if not wanted:
        raise ConfigError(
            f"{name!r} is not a prompt's name", hint="small letters, digits and hyphens, then perhaps @2"
        )
    found = prompt_versions(wanted["name"], folder)
    if not found:
        raise ConfigError(f"there is no prompt {name!r}", hint=f"known: {', '.join(prompt_names(folder))}")
    if not wanted["version"]:
        return found[0]
    version = int(wanted["version"])
    chosen = next((prompt for prompt in found if prompt.version == version), None)
    if chosen is None:
        versions = ", ".join(str(number) for number in sorted({prompt.version for prompt in found}))
        raise ConfigError(f"there is no prompt {name!r}", hint=f"versions of {wanted['name']}: {versions}")
    return chosen


def prompt_names(folder: Path | None = None) -> list[str]:
    """The names of the templates that there are, the user's own in `folder` included, sorted."""
    matches = [_WANTED.fullmatch(file.stem) for place, _ in _places(folder) for file in _files(place)]
    return sorted({match["name"] for match in matches if match})


def prompt_versions(name: str, folder: Path | None = None) -> list[PromptTemplate]:
    """Every version of a prompt: the user's, then ragent's, each newest first. Raises ConfigError."""
    return [prompt for place, is_own in _places(folder) for prompt in _versions(name, place, is_own)]


def save_version(folder: Path, name: str, body: str, meta: Mapping[str, str]) -> int:
    """Write a new version of a prompt, which is then the newest; it is there as a whole or not at all.

    Args:
        folder: where the user's templates are (HOME/prompts); made if need be.
        name: of the prompt.
        body: its sections.
        meta: lines of its head, such as `description` and `gives_way`; any others are kept with it.

    Returns:
        its version: one more than the highest there is of that name.

    Raises:
        ConfigError: the name isn't one, it wouldn't be a valid template, or it can't be written.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is not a prompt's name", hint="small letters, digits and hyphens only")
    head = {key: value for key, value in meta.items() if key != "version"}
    text = write_head(head) + body.rstrip("\n") + "\n"
    if parse_prompt(name, text).head != {key: " ".join(value.split()) for key, value in head.items()}:
        raise ConfigError(f"the body of {name!r} begins with lines of a head", hint="put them in meta")
    version = max((prompt.version for prompt in prompt_versions(name, folder)), default=0) + 1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _write(folder, name, version, text)
    except OSError as error:
        raise ConfigError(f"can't write a prompt in {folder}: {error.strerror}") from error


def _write(folder: Path, name: str, version: int, text: str) -> int:
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        while True:
            try:
                # A link, unlike a rename, never replaces a version that another process wrote meanwhile.
                os.link(file.name, folder / f"{name}@{version}{_SUFFIX}")
            except FileExistsError:
                version += 1
            else:
                return version


def _places(folder: Path | None) -> list[tuple[Path, bool]]:
    return [(folder, True), (_PACKAGED, False)] if folder else [(_PACKAGED, False)]


def _files(place: Path) -> list[Path]:
    return sorted(place.glob(f"*{_SUFFIX}"))


def _versions(name: str, place: Path, is_own: bool) -> list[PromptTemplate]:
    files = [place / f"{name}{_SUFFIX}", *place.glob(f"{name}@*{_SUFFIX}")]
    found = [_read(path, is_own) for path in files if path.is_file() and _WANTED.fullmatch(path.stem)]
    by_version: dict[int, PromptTemplate] = {}
    for prompt in found:
        if prompt.version in by_version:
            raise ConfigError(
                f"there are two files of version {prompt.version} of the prompt {name!r} in {place}",
                hint="give one of them another version",
            )
        by_version[prompt.version] = prompt
    return [by_version[version] for version in sorted(by_version, reverse=True)]


def _read(path: Path, is_own: bool) -> PromptTemplate:
    name, _, version = path.stem.partition("@")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't read the prompt {path}: {error}") from error
    return parse_prompt(name, text, version=int(version) if version else None, is_own=is_own)
