"""The control words of RTF that bear on its text (specification 1.9.1, appendix C)."""

from __future__ import annotations

SKIPPED = {
    *("colortbl", "pict", "objdata", "objclass", "header", "headerl", "headerr", "headerf", "footer"),
    *("footerl", "footerr", "footerf", "fldinst", "listtable", "listoverridetable", "revtbl", "filetbl"),
    *("atnid", "atnauthor", "annotation", "atnref", "xe", "tc", "nonshppict", "pntxta", "pntxtb", "sp"),
    *("bkmkstart", "bkmkend", "themedata", "datastore", "latentstyles", "rsidtbl", "generator", "private"),
}
"""Destinations that hold no text of the document."""

STARRED = {"shpinst", "shptxt"}
r"""Destinations marked with `\*` that do hold text."""

INFO = {"title": "title", "author": "author", "subject": "subject", "keywords": "keywords"}
PARAGRAPH_ENDS = {"par", "sect", "page"}
SYMBOLS = {
    "line": "\n",
    "tab": "\t",
    "emdash": "—",
    "endash": "–",
    "bullet": "•",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "emspace": " ",
    "enspace": " ",
    "nestcell": " ",
}
ESCAPED = {"\\": "\\", "{": "{", "}": "}", "~": "\xa0", "_": "\u2011"}
CHARSETS = {
    77: "mac-roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "cp936",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
"""Character sets of the font table, as Python names their code pages."""
