"""The metadata at the head of a Markdown file, in the part of YAML that people write there.

Read are `key: value` lines of the top level, with texts, numbers, true, false, null and lists of them
(`[a, b]`, or a `- a` a line). Nested keys, anchors and tags are passed over: a full YAML reader on foreign
files is a risk for little gain.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

_KEY = re.compile(r"([A-Za-z_][\w-]*):(?:[ \t]+(\S.*))?")
_ITEM = re.compile(r"[ \t]*-[ \t]+(\S.*)")
_COMMENT = re.compile(r"[ \t]+#.*$")
_PART = re.compile(r"""\s*("[^"]*"|'[^']*'|[^,]+)\s*""")
_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})\.\d{1,18}", re.ASCII)
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None, "~": None}


def read_front_matter(text: str) -> dict[str, Scalar | list[Scalar]]:
    """The keys with their values; what isn't understood is left out."""
    found: dict[str, Scalar | list[Scalar]] = {}
    listing: list[Scalar] | None = None
    for line in map(str.rstrip, text.split("\n")):
        key, item = _KEY.fullmatch(line), _ITEM.fullmatch(line)
        if key and key[2]:
            found[key[1]], listing = _value(key[2]), None
        elif key:
            listing = []
            found[key[1]] = listing
        elif item and listing is not None:
            listing.append(_scalar(item[1]))
        elif line:
            listing = None
    return {key: value for key, value in found.items() if value != []}


def _value(written: str) -> Scalar | list[Scalar]:
    if written.startswith("[") and _COMMENT.sub("", written).endswith("]"):
        return [_scalar(part) for part in _PART.findall(_COMMENT.sub("", written)[1:-1])]
    return _scalar(written)


def _scalar(written: str) -> Scalar:
    written = written.strip()
    if len(written) >= 2 and written[0] == written[-1] and written[0] in "\"'":
        return written[1:-1]
    written = _COMMENT.sub("", written)
    if written.lower() in _WORDS:
        return _WORDS[written.lower()]
    if _INTEGER.fullmatch(written):
        return int(written)
    return float(written) if _DECIMAL.fullmatch(written) else written
