"""Prompt templates: files with a section for each message, in which values are data and never markup.

A template file is Jinja, cut into messages by lines that hold `[system]`, `[user]` or `[assistant]`; what
stands above the first of them is its head, lines of `name: value`::

    version: 2
    [system]
    You answer from the passages.
    [user]
    {{ question }}

The sections are cut before any value is put in, and every value that is put in loses its control tokens, so
that a passage can't end its message and begin another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ragent.errors import ConfigError
from ragent.types import Message, Role

_PACKAGED = Path(__file__).with_name("templates")
_SUFFIX = ".jinja"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SECTION = re.compile(rf"^\[({'|'.join(get_args(Role))})\][ \t]*$", re.MULTILINE)
_DESCRIPTION = re.compile(r"^description:[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_VERSION = re.compile(r"^version:[ \t]*(\S+)[ \t]*$", re.MULTILINE)
# Chat models write their control tokens as <|…|> (or, some of them, with a fullwidth bar).
_CONTROL = re.compile(r"<(?=[|｜])")


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A named prompt. `text` is the whole file."""

    name: str
    version: str
    text: str

    @property
    def description(self) -> str:
        """What its head says it is for, or ""."""
        found = _DESCRIPTION.search(_head(self.text))
        return found[1] if found else ""

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the values that it uses, sorted."""
        bodies = _SECTION.split(self.text)[2::2]
        parsed = [_environment().parse(body) for body in bodies]
        return tuple(sorted(set().union(*(find_undeclared_variables(body) for body in parsed))))

    def render(self, **values: Any) -> tuple[Message, ...]:
        """The messages, with `values` put in.

        Raises:
            ConfigError: the template uses a value that wasn't given, or isn't valid Jinja.
        """
        try:
            return tuple(Message(role, body.render(values).strip()) for role, body in _sections(self.text))
        except (TemplateError, TypeError, AttributeError) as error:
            raise ConfigError(f"the prompt {self.name!r} can't be used: {error}", hint=_HOW) from error


def load_prompt(name: str, folder: Path | None = None) -> PromptTemplate:
    """Load a template by name.

    Args:
        name: small letters, digits and hyphens only, so that it can't name a place outside (CVE-2026-34070).
        folder: the user's own templates (HOME/prompts), which win over those that come with ragent.

    Raises:
        ConfigError: the name isn't one, nothing has it, or the file isn't a valid template.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is not a prompt's name", hint="small letters, digits and hyphens only")
    places = [place for place in (folder, _PACKAGED) if place]
    path = next((file for place in places if (file := place / f"{name}{_SUFFIX}").is_file()), None)
    if path is None:
        raise ConfigError(f"there is no prompt {name!r}", hint=f"known: {', '.join(_known(places))}")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't read the prompt {path}: {error}") from error
    try:
        sections = _sections(text)
    except TemplateError as error:
        raise ConfigError(f"the prompt {path} is not valid: {error}", hint=_HOW) from error
    if not sections:
        raise ConfigError(f"the prompt {path} has no section", hint=_HOW)
    version = _VERSION.search(_head(text))
    return PromptTemplate(name, version[1] if version else "", text)


def prompt_names(folder: Path | None = None) -> list[str]:
    """The names of the templates that there are, the user's own in `folder` included, sorted."""
    names = _known([place for place in (folder, _PACKAGED) if place])
    return [name for name in names if _NAME.fullmatch(name)]


_HOW = "it needs a line [user] before what is said to the model; see docs/prompts.md"


def _known(places: Sequence[Path]) -> list[str]:
    return sorted({file.stem for place in places for file in place.glob(f"*{_SUFFIX}")})


def _head(text: str) -> str:
    return _SECTION.split(text, maxsplit=1)[0]


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=_as_data, trim_blocks=True, lstrip_blocks=True
    )


@cache
def _sections(text: str) -> tuple[tuple[Role, Template], ...]:
    environment = _environment()
    parts = _SECTION.split(text)[1:]
    roles: Any = parts[::2]
    return tuple((role, environment.from_string(body)) for role, body in zip(roles, parts[1::2], strict=True))


def _as_data(value: object) -> str:
    """What is put in for a value: a text in which no control token is left."""
    return _CONTROL.sub("< ", str(value))
