"""JSON (RFC 8259). The text is the file's own where people can read it, else the same values re-indented."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ragent.errors import ParseError
from ragent.types import Block, Document, RawDocument
from ragent_connectors.parsers.decoding import clean, decode, is_binary
from ragent_connectors.parsers.titles import choose_title

# The closing quote is optional, so that each character is read once even where none follows.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)
_ESCAPED = re.compile(r"\\u(?!00[01])[0-9a-fA-F]{4}")
_LONG_LINE = 1000
_GROUP_CHARS = 800
_DEEPEST_INDENT = 20
_LONGEST_KEY = 60
_LONGEST_PATH = 120

_Cut = tuple[int, str]
"""Where a value begins, and its path."""


class JsonParser:
    """Takes objects and arrays that are valid JSON."""

    def accepts(self, raw: RawDocument) -> float:
        if raw.data[:256].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] not in (b"{", b"[") or is_binary(
            raw.data
        ):
            return 0.0
        try:
            json.loads(decode(raw))
        except (ParseError, ValueError, RecursionError):
            return 0.0
        return 0.65

    def parse(self, raw: RawDocument) -> Document:
        text = decode(raw)
        try:
            json.loads(text)
        except RecursionError as error:
            raise ParseError(
                f"{raw.name} nests too deeply", hint="it is damaged, or meant to harm"
            ) from error
        except ValueError as error:
            raise ParseError(
                f"{raw.name} is no valid JSON: {error}", hint="repair it, or save it as .txt"
            ) from error
        text = readable(text)
        return Document(
            uri=raw.uri,
            title=choose_title(raw, ()),
            text=text,
            media_type="application/json",
            blocks=tuple(_blocks(text)),
        )


def readable(text: str) -> str:
    r"""The text itself, or re-indented where its lines are endless or its letters written as `\u00e9`."""
    if not _ESCAPED.search(text) and max(map(len, text.split("\n"))) <= _LONG_LINE:
        return text
    return clean("".join(_indented(text)))


def unescaped(text: str) -> str:
    r"""The text with the letters that are written as `\u00e9` in its strings as themselves."""
    return clean(_TOKEN.sub(lambda token: _plain(token[0]), text)) if _ESCAPED.search(text) else text


def _plain(token: str) -> str:
    if token[0] != '"' or "\\u" not in token:
        return token
    try:
        return json.dumps(json.loads(token, strict=False), ensure_ascii=False)
    except ValueError:  # a damaged line of JSON Lines
        return token


def _indented(text: str) -> Iterator[str]:
    """The tokens with white space between them; an array that begins with a plain value stays on one line."""
    inline: list[bool] = []
    previous = ""
    for match in _TOKEN.finditer(text):
        token = match[0]
        opened = previous in ("{", "[") and token not in ("}", "]")
        if opened:
            inline[-1] = previous == "[" and token not in ("{", "[")
        if token in ("}", "]") and inline:
            one_line = inline.pop() or previous in ("{", "[")
            yield "" if one_line else _newline(len(inline))
        elif previous == "," or opened:
            yield (" " if previous == "," else "") if inline[-1] else _newline(len(inline))
        elif previous == ":":
            yield " "
        if token in ("{", "["):
            inline.append(False)
        yield _plain(token)
        previous = token


def _newline(depth: int) -> str:
    return "\n" + "  " * min(depth, _DEEPEST_INDENT)


@dataclass(slots=True)
class _Frame:
    """An object or array that is being read."""

    start: int
    path: str
    is_array: bool
    cuts: list[_Cut] = field(default_factory=list)
    index: int = 0


def _blocks(text: str) -> Iterator[Block]:
    """Neighbouring values of one object or array together, as many as make a block of moderate size.

    They are labelled with their paths; what is too large is parted into the values that it holds.
    """
    cuts = _joined(_cuts(text))
    bounds = [*(position for position, _ in cuts), len(text.rstrip())]
    first = 0
    for index, (_, path) in enumerate(cuts):
        following = cuts[index + 1][1] if index + 1 < len(cuts) else ""
        size = bounds[min(index + 2, len(cuts))] - bounds[first]
        if following and size <= _GROUP_CHARS and _parent(following) == _parent(path):
            continue
        start = bounds[first]
        end = start + len(text[start : bounds[index + 1]].rstrip())
        label = cuts[first][1] if first == index else f"{cuts[first][1]}–{path}"
        yield Block("code", start, end, label=_shown(label))
        first = index + 1


def _joined(cuts: list[_Cut]) -> list[_Cut]:
    """What opens an object or array that is parted belongs to the first value in it."""
    found: list[_Cut] = []
    opened: int | None = None
    for index, (position, path) in enumerate(cuts):
        position = position if opened is None else opened
        parted = index + 1 < len(cuts) and _parent(cuts[index + 1][1]) == path
        opened = position if parted else None
        if not parted:
            found.append((position, path))
    return found


def _cuts(text: str) -> list[_Cut]:
    """Where the values begin that lie in objects and arrays which are too large for one block."""
    root = _Frame(0, "", is_array=False)
    frames = [root]
    expecting = False
    for match in _TOKEN.finditer(text):
        mark, frame = match[0], frames[-1]
        if mark in ("}", "]"):
            closed = frames.pop()
            if match.end() - closed.start > _GROUP_CHARS:
                frames[-1].cuts += closed.cuts
            expecting = False
            continue
        if mark == ",":
            frame.index += 1
            expecting = True
            continue
        if mark == ":":
            continue
        if expecting or frame is root:
            path = f"{frame.path}[{frame.index}]" if frame.is_array else _member(frame.path, mark)
            frame.cuts.append((match.start(), path if frame is not root else ""))
            expecting = False
        if mark in ("{", "["):
            frames.append(_Frame(match.start(), frame.cuts[-1][1], is_array=mark == "["))
            expecting = True
    return root.cuts


def _member(path: str, token: str) -> str:
    key = token[1:-1][:_LONGEST_KEY]
    return f"{path}.{key}" if path else key


def _parent(path: str) -> str:
    return path[: path.rfind("[")] if path.endswith("]") else path.rpartition(".")[0]


def _shown(label: str) -> str:
    return label if len(label) <= _LONGEST_PATH else "…" + label[-_LONGEST_PATH:]
