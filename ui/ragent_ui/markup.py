"""Text of documents and people as data: nothing in it is ever markup, a picture or a link."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^=&@/\"'])")


def plain(text: str) -> str:
    """Text for a Streamlit element that reads Markdown: shown letter by letter, whatever it says.

    Every sign that Markdown, its extensions, formulas, emoji and autolinks know is escaped, and a line break
    stays one.
    """
    escaped = _SPECIAL.sub(r"\\\1", text.strip("\n"))
    return escaped.replace("\n", "  \n")
