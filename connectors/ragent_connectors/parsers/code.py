"""Source code: its definitions, each with its qualified name. The text is the file's own.

A light scanner for many languages: a line that looks like a definition opens one, and indentation tells what
lies inside it. That holds for nearly all code as people format it, and needs no grammar for each language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ragent.types import Block, Document, RawDocument
from ragent_connectors.parsers.code_languages import LANGUAGES, PLAIN, Language, of_script
from ragent_connectors.parsers.decoding import decode, is_binary
from ragent_connectors.parsers.lines import Line, split_lines
from ragent_connectors.parsers.titles import choose_title

_CLOSER = re.compile(
    r"[})\]>;,{]|end\b|fi\b|done\b|esac\b|else\b|elif\b|except\b|finally\b|catch\b|rescue\b|#\w"
)
_CLOSERS = re.compile(r"[})\]>;, ]+|end;?")
_TAB = 4


@dataclass(frozen=True, slots=True)
class _Definition:
    """A class, function or the like that is open at a line."""

    name: str
    indent: int


class CodeParser:
    """Takes text files named like source code, and scripts by their first line."""

    def accepts(self, raw: RawDocument) -> float:
        return 0.5 if _language(raw) and not is_binary(raw.data) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        text = decode(raw)
        language = _language(raw) or PLAIN
        return Document(
            uri=raw.uri,
            title=PurePosixPath(raw.name).name or choose_title(raw, ()),
            text=text,
            media_type=f"text/x-{language.name}",
            blocks=tuple(_blocks(text, language)),
            metadata={"language": language.name},
        )


def _language(raw: RawDocument) -> Language | None:
    return LANGUAGES.get(PurePosixPath(raw.name.lower()).suffix) or of_script(raw.data)


def _blocks(text: str, language: Language) -> Iterator[Block]:
    """Stretches of lines under one name; what stands directly above a definition belongs to it."""
    lines = split_lines(text)
    labels = _labels(lines, _inside(text, lines, language), language)
    first = 0
    for index in range(1, len(lines) + 1):
        if index == len(lines) or labels[index] != labels[first]:
            span = [line for line in lines[first:index] if line.text]
            if span:
                yield Block("code", span[0].start, span[-1].end, label=labels[first])
            first = index


def _labels(lines: Sequence[Line], inside: Sequence[bool], language: Language) -> list[str]:
    """The qualified name that each line stands under; "" at the top."""
    labels: list[str] = []
    stack: list[_Definition] = []
    lead = -1  # where the comments and decorators begin that stand directly above
    for index, line in enumerate(lines):
        if not line.text or inside[index]:
            labels.append(labels[-1] if labels else "")
            lead = -1 if not inside[index] else lead
            continue
        indent = _indent(line.text)
        words = line.text.lstrip()
        closes = _CLOSER.match(words) is not None
        while stack and (stack[-1].indent > indent or (stack[-1].indent == indent and not closes)):
            stack.pop()
        if name := language.definition(words):
            stack.append(_Definition(name, indent))
            label = ".".join(definition.name for definition in stack)
            if lead >= 0:
                labels[lead:] = [label] * (index - lead)
        elif _CLOSERS.fullmatch(words) and labels:
            label = labels[-1]
        else:
            label = ".".join(definition.name for definition in stack)
        labels.append(label)
        if language.leads(words):
            lead = index if lead < 0 else lead
        elif lead < 0 or indent <= _indent(lines[lead].text):  # what is deeper goes on with a decorator
            lead = -1
    return labels


def _inside(text: str, lines: Sequence[Line], language: Language) -> list[bool]:
    """Whether a line begins inside a string or comment that was opened on a line above."""
    inside = [False] * len(lines)
    index = 0
    for match in language.literals.finditer(text):
        if "\n" not in match[0]:
            continue
        while lines[index].start <= match.start() and index + 1 < len(lines):
            index += 1
        while index < len(lines) and lines[index].start < match.end():
            if lines[index].start > match.start():
                inside[index] = True
            index += 1
        index = max(index - 1, 0)
    return inside


def _indent(text: str) -> int:
    """Columns of leading white space."""
    lead = text[: len(text) - len(text.lstrip())]
    return sum(_TAB if character == "\t" else 1 for character in lead)
