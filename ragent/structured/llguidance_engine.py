"""llguidance: which tokens a grammar allows next. An Earley parser over a lexer made of derivatives.

Source: https://github.com/guidance-ai/llguidance. It refuses what it can't enforce, and bounds its own work.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper
from numpy.typing import NDArray

from ragent.errors import SchemaError
from ragent.structured.pieces import tokenize
from ragent.structured.trial import try_apart
from ragent.types import Form, Vocabulary

_LARGE = 20_000
JSON_OPTIONS: Final = {"item_separator": ", ", "key_separator": ": ", "whitespace_flexible": False}
"""JSON as models saw it most often in training, with no place for a loop of whitespace."""


class Matcher:
    """A position in a grammar."""

    def __init__(self, inner: LLMatcher, size: int) -> None:
        self._inner = inner
        self._mask = np.zeros((size + 31) // 32, np.int32)
        self._size = size

    @property
    def accepting(self) -> bool:
        """Whether the output may end here."""
        return self._inner.is_accepting()

    @property
    def stopped(self) -> bool:
        """Whether it must."""
        return self._inner.is_stopped()

    def allowed(self) -> NDArray[np.bool_]:
        """Shape (vocabulary,): which tokens may come next, end tokens included."""
        self._inner.unsafe_compute_mask_ptr(self._mask.ctypes.data, self._mask.nbytes)
        self._check()
        bits = np.unpackbits(self._mask.view(np.uint8), count=self._size, bitorder="little")
        return bits.view(np.bool_)

    def consume(self, token: int) -> None:
        """Go on by one token. Raises ValueError if it isn't allowed."""
        if not self._inner.consume_token(token):
            raise ValueError(f"token {token} is not allowed here: {self._inner.get_error()}")

    def forced(self) -> list[int]:
        """Tokens that can't be avoided, not yet consumed; none where there is a choice."""
        tokens: list[int] = self._inner.compute_ff_tokens()
        return tokens

    def fitting(self, tokens: Sequence[int]) -> int:
        """How many of these, from the first on, may come next in this order."""
        count: int = self._inner.validate_tokens(list(tokens))
        return count

    def fits(self, tokens: Sequence[int]) -> bool:
        """Whether all of these may come next, in this order."""
        return self.fitting(tokens) == len(tokens)

    def copy(self) -> Matcher:
        """The same position, to go on from independently."""
        return Matcher(self._inner.deep_copy(), self._size)

    def _check(self) -> None:
        if self._inner.is_error():
            problem = self._inner.get_error()
            if "NoExtension" in problem:
                raise SchemaError("can't be enforced: nothing satisfies it")
            raise SchemaError(
                f"the form became too complex to follow: {problem.splitlines()[0]}",
                hint="simplify the schema or grammar: fewer alternatives that begin alike, shorter patterns",
            )


@dataclass(frozen=True, slots=True)
class Grammar:
    """A form in llguidance's own terms, and what of it the engine leaves to a check afterwards."""

    text: str
    unenforced: tuple[str, ...] = ()
    _matchers: WeakKeyDictionary[Vocabulary, LLMatcher] = field(
        default_factory=WeakKeyDictionary, compare=False, repr=False
    )

    def match(self, vocabulary: Vocabulary) -> Matcher:
        """The start of the grammar. Raises SchemaError if it is too complex for this vocabulary."""
        inner = self._matchers.get(vocabulary)
        if inner is None:
            inner = LLMatcher(_tokenizer(vocabulary), self.text, log_level=0)
            if inner.is_error():
                raise _refusal(inner.get_error())
            self._matchers[vocabulary] = inner
        return Matcher(inner.deep_copy(), len(vocabulary.pieces))


def probe(form: Form, *, risky: bool = False) -> None:
    """Try out in a process apart what is large or `risky`. Raises SchemaError if it hangs or crashes."""
    if risky or len(form.text) > _LARGE:
        try_apart(_grammar_text(form))


def compile_grammar(form: Form) -> Grammar:
    """Prepare a form. For JSON, keywords that the engine lacks are left out and named in `unenforced`.

    Raises:
        SchemaError: the form isn't valid, nothing satisfies it, or the engine can't do without what it lacks.
    """
    text = _grammar_text(form)
    if form.kind == "json" and LLMatcher.validate_grammar(text):
        text = _grammar_text(form, lenient=True)
    failed, messages = LLMatcher.validate_grammar_with_warnings(text)
    if failed:
        raise _refusal(messages[0])
    return Grammar(text, tuple(messages))


def _grammar_text(form: Form, *, lenient: bool = False) -> str:
    if form.kind == "regex":
        return LLMatcher.grammar_from_regex(form.text)
    if form.kind == "grammar":
        return LLMatcher.grammar_from_lark(form.text)
    options: Any = {**JSON_OPTIONS, "lenient": lenient}
    return LLMatcher.grammar_from_json_schema(form.text, overrides=options)


_CULPRITS = {
    "patternProperty": "patternProperties",
    "circular ref": "$ref",
    "Pointer": "$ref",
    "Resource": "$ref",
    "regex is empty": "pattern",
    "regex parse": "pattern",
    "lookaround": "pattern",
    "range": "minimum, maximum",
    "intersection": "allOf, $ref",
}
_PLACE = re.compile(r"json-schema:/*[^#\s]*#(\S*)")


def _refusal(message: str) -> SchemaError:
    """The engine's words as an error that names the keyword and points at its place, as far as they tell."""
    keyword = next((f"{keyword}: " for sign, keyword in _CULPRITS.items() if sign in message), "")
    place = _PLACE.search(message)
    words = " ".join(line.strip() for line in message.splitlines() if "while processing" not in line)
    return SchemaError(
        f"can't be enforced: {keyword}{words[:300]}",
        path=f"#{place[1]}" if place else "",
        hint="leave that part out and check it afterwards, or say it with other keywords" if keyword else "",
    )


_tokenizers: WeakKeyDictionary[Vocabulary, LLTokenizer] = WeakKeyDictionary()
_building = Lock()


def _tokenizer(vocabulary: Vocabulary) -> LLTokenizer:
    with _building:
        if vocabulary not in _tokenizers:
            wrapper: Any = TokenizerWrapper(_Tokens(vocabulary))
            _tokenizers[vocabulary] = LLTokenizer(wrapper, eos_token=list(vocabulary.end_tokens))
        return _tokenizers[vocabulary]


class _Tokens:
    """A vocabulary as llguidance's wrapper wants it."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.tokens = vocabulary.pieces
        self.eos_token_id = vocabulary.end_tokens[0]
        self.bos_token_id = None
        self.special_token_ids = [token for token, piece in enumerate(vocabulary.pieces) if not piece]
        self._vocabulary = vocabulary

    def __call__(self, text: bytes) -> list[int]:
        return tokenize(self._vocabulary, text)
