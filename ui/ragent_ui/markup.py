"""Text of documents, people and models as data: nothing in it is ever a picture, a link or a script."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^=&@/\"'])")
_MARKER = re.compile(r"\[(\d{1,4})\]")


def plain(text: str) -> str:
    """Text for a Streamlit element that reads Markdown: shown letter by letter, whatever it says.

    Every sign that Markdown, its extensions and formulas know is escaped; a line break stays one. What looks
    like a web address may become a link.
    """
    escaped = _SPECIAL.sub(r"\\\1", text.strip("\n"))
    return escaped.replace("\n", "  \n")


def escaped(text: str) -> str:
    """Text as HTML, quotes included, so that it may also stand in an attribute."""
    return html.escape(text, quote=True)


def written(text: str, sources: Mapping[int, str]) -> str:
    """An answer as HTML: paragraphs, lists, tables and emphasis, each `[1]` a button that opens its source.

    Args:
        text: what was written. HTML in it is shown as it is; there are no links and no pictures.
        sources: what a click asks for, by number.
    """

    def button(match: re.Match[str]) -> str:
        number = int(match[1])
        if number not in sources:
            return match[0]
        return f'<button class="rg-cite" data-source="{escaped(sources[number])}">{number}</button>'

    return _MARKER.sub(button, _markdown().render(text))


def marked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Text as HTML with some spans of it marked; they are in order."""
    parts, at = [], 0
    for start, end in spans:
        begin = max(start, at)
        if begin < end:
            parts += [escaped(text[at:begin]), f"<mark>{escaped(text[begin:end])}</mark>"]
            at = end
    return "".join(parts) + escaped(text[at:])


@cache
def _markdown() -> MarkdownIt:
    reader = MarkdownIt("zero", {"breaks": True})
    reader.enable(["backticks", "emphasis", "fence", "list", "newline", "table"])
    # The language of a fenced block would become an attribute.
    reader.add_render_rule("fence", _fence)
    return reader


def _fence(_self: Any, tokens: Sequence[Any], index: int, _options: Any, _env: Any) -> str:
    return f"<pre><code>{escaped(tokens[index].content)}</code></pre>\n"


def cut(text: str, most: int) -> str:
    """The beginning of a text in one line, with an ellipsis where it goes on."""
    words = " ".join(text.split())
    return words if len(words) <= most else words[:most].rsplit(" ", 1)[0] + "…"
