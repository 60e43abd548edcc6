"""Prompt templates: files with a section for each message, in which values are data and never markup.

A template file is Jinja, cut into messages by lines that hold `[system]`, `[user]` or `[assistant]`; what
stands above the first of them is its head::

    version: 2
    [system]
    You answer from the passages.
    [user]
    {{ question }}

The sections are cut before any value is put in, and every value that is put in loses its control tokens, so
that a passage can't end its message and begin another.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

from jinja2 import Template, TemplateSyntaxError

from ragent.errors import ConfigError
from ragent.prompts.head import Part, parts_in, read_head, version_in
from ragent.prompts.sandbox import LONGEST_TEMPLATE, compile_message, line_of, render_message
from ragent.types import Message, PromptUsed, Role

_SECTION = re.compile(rf"^\[({'|'.join(get_args(Role))})\][ \t]*$", re.MULTILINE)
# Chat models write their control tokens as <|…|> (or, some of them, with a fullwidth bar).
_CONTROL = re.compile(r"<(?=[|｜])")
_HOW = "it needs a line [user] before what is said to the model; see docs/prompts.md"


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A version of a named prompt. `text` is the whole file; `is_own`: it is the user's, not ragent's."""

    name: str
    version: int
    text: str
    is_own: bool = False

    @property
    def head(self) -> Mapping[str, str]:
        """What stands above the sections, by name."""
        return _parsed(self.text).head

    @property
    def body(self) -> str:
        """The sections, without the head."""
        return self.text[len(_head_of(self.text)) :]

    @property
    def description(self) -> str:
        """What its head says it is for, or ""."""
        return self.head.get("description", "")

    @property
    def digest(self) -> str:
        """Of the whole file: equal for equal templates only."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    @property
    def used(self) -> PromptUsed:
        """What is noted with an answer."""
        return PromptUsed(self.name, self.version, self.digest)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the values that it uses, sorted."""
        return _parsed(self.text).variables

    @property
    def gives_way(self) -> tuple[Part, ...]:
        """Those of its values that are shortened when it is too long, in this order."""
        return tuple(part for part in _parsed(self.text).parts if part.name in self.variables)

    @property
    def needs(self) -> tuple[str, ...]:
        """Those of its values that must be given; the others are lists, empty if they are not."""
        optional = {part.name for part in self.gives_way if not part.keep}
        return tuple(name for name in self.variables if name not in optional)

    def render(self, **values: Any) -> tuple[Message, ...]:
        """The messages, with `values` put in.

        Raises:
            ConfigError: the template uses a value that wasn't given, does what the sandbox forbids, or goes
                beyond a limit of work or length.
        """
        try:
            given = {part.name: () for part in self.gives_way if not part.keep} | values
            said = [(role, render_message(body, given)) for role, body in _parsed(self.text).messages]
            return tuple(Message(role, text.strip()) for role, text in said)
        except Exception as error:  # a template can raise anything: it may be foreign code
            line = line_of(error)
            where = f" (line {line})" if line else ""
            raise ConfigError(f"the prompt {self.name!r} can't be used{where}: {error}", hint=_SEE) from error


_SEE = "see docs/prompts.md for what a template may do"


def parse_prompt(name: str, text: str, *, version: int | None = None, is_own: bool = False) -> PromptTemplate:
    """A template from the text of its file.

    Args:
        name: of the prompt.
        text: head and sections.
        version: what the file's name says, if it does: its head may then give no other.
        is_own: whether it is the user's.

    Raises:
        ConfigError: the text isn't a valid template.
    """
    try:
        parsed = _parsed(text)
        stated = version_in(parsed.head)
    except TemplateSyntaxError as error:
        where = f" (line {error.lineno})"
        raise ConfigError(f"the prompt {name!r} is not valid{where}: {error.message}", hint=_HOW) from error
    except ConfigError as error:
        raise ConfigError(f"the prompt {name!r} is not valid: {error.message}", hint=error.hint) from error
    if version is not None and "version" in parsed.head and stated != version:
        raise ConfigError(
            f"the prompt {name!r} is version {version} by its file's name, but {stated} by its head",
            hint="take the line away",
        )
    return PromptTemplate(name, stated if version is None else version, text, is_own)


@dataclass(frozen=True, slots=True)
class _Parsed:
    head: Mapping[str, str]
    parts: tuple[Part, ...]
    messages: tuple[tuple[Role, Template], ...]
    variables: tuple[str, ...]


def _head_of(text: str) -> str:
    return _SECTION.split(text, maxsplit=1)[0]


@lru_cache(maxsize=256)
def _parsed(text: str) -> _Parsed:
    if len(text) > LONGEST_TEMPLATE:
        raise ConfigError(f"it is {len(text)} characters long", hint=f"at most {LONGEST_TEMPLATE}")
    places = list(_SECTION.finditer(text))
    if not places:
        raise ConfigError("it has no section", hint=_HOW)
    head = read_head(text[: places[0].start()])
    messages: list[tuple[Role, Template]] = []
    names: set[str] = set()
    for place, end in zip(places, [*(p.start() for p in places[1:]), len(text)], strict=True):
        # The lines before it, blank, so that errors tell lines of the file; what is rendered is stripped.
        source = "\n" * text.count("\n", 0, place.end()) + text[place.end() : end]
        role: Any = place[1]
        template, used = compile_message(source, _as_data)
        messages.append((role, template))
        names |= used
    return _Parsed(head, parts_in(head), tuple(messages), tuple(sorted(names)))


def _as_data(value: object) -> str:
    """What is put in for a value: a text in which no control token is left."""
    return _CONTROL.sub("< ", str(value))
