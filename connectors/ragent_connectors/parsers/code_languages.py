"""What definitions, comments and strings look like in the common programming languages."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = r"([A-Za-z_$][\w$]*)"
_PYTHON = re.compile(rf"(?:async\s+)?(?:def|class)\s+{_NAME}")
_RUBY = re.compile(r"(?:def|class|module)\s+((?:self\.)?[A-Za-z_][\w:]*[?!=]?)")
_SHELL = re.compile(r"(?:function\s+)?([A-Za-z_][\w:-]*)\s*\(\)\s*\{?|function\s+([A-Za-z_][\w:-]*)")
_SQL = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+|unique\s+|materialized\s+)*"
    r"(?:table|view|index|function|procedure|trigger|type|schema)\s+(?:if\s+not\s+exists\s+)?[\"`\[]?([\w.]+)",
    re.IGNORECASE,
)
_LUA = re.compile(r"(?:local\s+)?function\s+([\w.:]+)")
_R = re.compile(r"([\w.]+)\s*(?:<-|=)\s*function\b")
_GO = re.compile(rf"func\s+(?:\([^)]*\)\s*)?{_NAME}|type\s+{_NAME}")
_MODIFIERS = (
    r"(?:(?:export|default|declare|public|private|protected|internal|static|final|abstract|sealed|async|override|"
    r"virtual|partial|readonly|open|data|inline|suspend|unsafe|extern|const|pub(?:\([^)]*\))?|implicit|case|"
    r"lazy|mutating|fileprivate|companion|inner|strictfp|synchronized|native)\s+)*"
)
_KEYWORD = (
    r"(?:class|interface|trait|struct|enum|union|record|object|protocol|extension|namespace|mod|module|impl|"
    r"function\*?|fn|fun|func|def|type|macro_rules!|package\s+object|annotation\s+class|actor)"
)
_DECLARED = re.compile(rf"{_MODIFIERS}(?:enum\s+)?{_KEYWORD}\b(?:\s*<[^>]*>)?\s+(?:\w+\s+for\s+)?{_NAME}")
_IMPL = re.compile(r"impl\b(?:\s*<[^{]*?>)?\s+(?:[\w:<>, ]+\s+for\s+)?([A-Za-z_]\w*)")
_ASSIGNED = re.compile(
    rf"{_MODIFIERS}(?:const|let|var)\s+{_NAME}\s*(?::[^=]+)?=\s*(?:async\s*)?(?:function\b|\([^()]*\)\s*(?::[^=]+)?=>|\w+\s*=>)"
)
# A return type, a name and parameters, or a name, parameters and a brace; no semicolon: as in C and its kin.
_RETURNED = re.compile(
    r"(?:[A-Za-z_][\w:.<>,\[\]*&?~]*+[ \t]+)+?[*&]*+~?([A-Za-z_]\w*+(?:::~?[A-Za-z_]\w*+)*+)[ \t]*\([^;=\"]*$"
)
_BRACED = re.compile(r"~?([A-Za-z_]\w*+(?:::~?[A-Za-z_]\w*+)*+)[ \t]*\([^;\"]*\{\s*$")
_METHOD = re.compile(
    rf"(?!.*(?:\bfunction\b|=>)){_MODIFIERS}(?:get\s+|set\s+|\*\s*)?#?{_NAME}\s*(?:<[^>]*>)?\([^;\"']*\)\s*(?::[^;=]+)?\{{"
)
_NO_NAMES = {
    *(
        "if",
        "for",
        "while",
        "switch",
        "catch",
        "return",
        "else",
        "do",
        "new",
        "throw",
        "sizeof",
        "using",
        "lock",
    ),
    *(
        "await",
        "yield",
        "assert",
        "when",
        "match",
        "with",
        "foreach",
        "elif",
        "until",
        "case",
        "typeof",
        "delete",
    ),
    *(
        "synchronized",
        "super",
        "this",
        "defined",
        "function",
        "try",
        "goto",
        "unless",
        "print",
        "and",
        "or",
        "not",
    ),
}
_FIRST_WORD = re.compile(r"\w+")
_LONGEST_LINE = 300
_HASH = r"#[^\n]*"
_SLASHES = r"//[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/)?"
# Closing marks are optional, so that each character is read once even where none follows.
_QUOTED = r'"(?:[^"\\\n]|\\.)*+"?|\'(?:[^\'\\\n]|\\.)*+\'?'
_TRIPLE = r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\'))*+(?:\'\'\')?'
_BACKTICK = r"`(?:[^`\\]|\\.)*+`?"


@dataclass(frozen=True, slots=True)
class Language:
    """How to see a definition at the beginning of a line, and what to look past.

    Attributes:
        name: As it stands in the media type.
        definitions: Each with the name in one of its groups.
        literals: Strings and comments, which may hold anything.
        lead: What a line begins with that belongs to the definition below it.
    """

    name: str
    definitions: tuple[re.Pattern[str], ...]
    literals: re.Pattern[str]
    lead: tuple[str, ...]

    def definition(self, words: str) -> str:
        """The name of what the words define, "" if nothing."""
        for pattern in self.definitions:
            if match := pattern.match(words[:_LONGEST_LINE]):
                name = next(group for group in match.groups() if group)
                first = _FIRST_WORD.match(words)
                return "" if name in _NO_NAMES or (first and first[0] in _NO_NAMES) else name
        return ""

    def leads(self, words: str) -> bool:
        """Whether the words belong to the definition below them."""
        return words.startswith(self.lead)


def _compiled(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.DOTALL)


_C_LEAD = ("//", "/*", "*", "@", "#[", "[", "template")
_C_LITERALS = _compiled(_SLASHES, _QUOTED)
_PYTHON_LITERALS = _compiled(_TRIPLE, _HASH, _QUOTED)


def _braces(name: str, *definitions: re.Pattern[str]) -> Language:
    return Language(name, definitions, _C_LITERALS, _C_LEAD)


_JAVASCRIPT = (_DECLARED, _ASSIGNED, _METHOD)
_JS_LITERALS = _compiled(_SLASHES, _QUOTED, _BACKTICK)
_BY_NAME = {
    "python": Language("python", (_PYTHON,), _PYTHON_LITERALS, ("@", "#")),
    "ruby": Language("ruby", (_RUBY,), _compiled(_HASH, _QUOTED), ("#",)),
    "shellscript": Language("shellscript", (_SHELL,), _compiled(_HASH, _QUOTED), ("#",)),
    "sql": Language("sql", (_SQL,), _compiled(r"--[^\n]*", _SLASHES, _QUOTED), ("--", "/*")),
    "lua": Language("lua", (_LUA,), _compiled(r"--[^\n]*", _QUOTED), ("--",)),
    "r": Language("r", (_R,), _compiled(_HASH, _QUOTED), ("#",)),
    "perl": Language("perl", (re.compile(r"(?:sub|package)\s+([\w:]+)"),), _compiled(_HASH, _QUOTED), ("#",)),
    "javascript": Language("javascript", _JAVASCRIPT, _JS_LITERALS, _C_LEAD),
    "typescript": Language("typescript", _JAVASCRIPT, _JS_LITERALS, _C_LEAD),
    "go": Language("go", (_GO,), _compiled(_SLASHES, _QUOTED, _BACKTICK), ("//", "/*", "*")),
    "rust": _braces("rust", _IMPL, _DECLARED),
    "swift": _braces("swift", _DECLARED),
    "kotlin": _braces("kotlin", _DECLARED),
    "scala": _braces("scala", _DECLARED),
    "php": _braces("php", _DECLARED),
    "java": _braces("java", _DECLARED, _RETURNED, _BRACED),
    "csharp": _braces("csharp", _DECLARED, _RETURNED, _BRACED),
    "c": _braces("c", _DECLARED, _RETURNED, _BRACED),
    "cpp": _braces("cpp", _DECLARED, _RETURNED, _BRACED),
    "dart": _braces("dart", _DECLARED, _RETURNED, _BRACED),
}
_SUFFIXES = {
    "python": ".py .pyi .pyw",
    "ruby": ".rb .rake",
    "shellscript": ".sh .bash .zsh .ksh",
    "sql": ".sql",
    "lua": ".lua",
    "r": ".r",
    "perl": ".pl .pm",
    "javascript": ".js .mjs .cjs .jsx",
    "typescript": ".ts .tsx .mts .cts",
    "go": ".go",
    "rust": ".rs",
    "swift": ".swift",
    "kotlin": ".kt .kts",
    "scala": ".scala .sc",
    "php": ".php",
    "java": ".java .groovy",
    "csharp": ".cs",
    "c": ".c .h",
    "cpp": ".cc .cpp .cxx .hh .hpp .hxx .m .mm",
    "dart": ".dart",
}
LANGUAGES = {suffix: _BY_NAME[name] for name, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
PLAIN = Language("plain", (), _compiled(_QUOTED), ("#",))
_INTERPRETER = re.compile(rb"#![^\n]*?[/ ](python|bash|sh|zsh|ruby|perl|node|lua|Rscript)[\d.]*\b")
_OF_INTERPRETER = {
    b"python": "python",
    b"bash": "shellscript",
    b"sh": "shellscript",
    b"zsh": "shellscript",
    b"ruby": "ruby",
    b"perl": "perl",
    b"node": "javascript",
    b"lua": "lua",
    b"Rscript": "r",
}


def of_script(data: bytes) -> Language | None:
    """The language of a script that names its interpreter on the first line."""
    match = _INTERPRETER.match(data[:200])
    return _BY_NAME[_OF_INTERPRETER[match[1]]] if match else None
