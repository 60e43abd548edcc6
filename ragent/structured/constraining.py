"""From a target to a constraint, with the list of what only a check afterwards can enforce."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ragent.errors import SchemaError
from ragent.protocols import Decoding
from ragent.structured import schemas
from ragent.structured.decoding import Bounds, SequenceDecoding
from ragent.structured.formats import sharpen
from ragent.structured.forms import Target
from ragent.structured.llguidance_engine import Grammar, compile_grammar, probe
from ragent.structured.pieces import pieces_of, tokenize
from ragent.types import Form, Vocabulary

_QUOTED = re.compile(r'"([^"]+)"')
_FORMAT = re.compile(r"Unknown format: (.+?)(?: \(\d+ times\))?$")
_MANY_PATTERNS = 20
_BYTES = Vocabulary((*(bytes([byte]) for byte in range(256)), b""), (256,), list)


@dataclass(frozen=True, slots=True)
class FormConstraint:
    """Holds a model to a form (see `ragent.protocols.Constraint`).

    Attributes:
        form: As it was asked for.
        grammar: What the engine enforces of it.
        warnings: What the engine doesn't, each with its place; empty where it is enforced in full.
        bounds: For what a JSON Schema leaves open; None for other forms.
        keys: The required keys of a JSON Schema.
        penalty: For repeating words.
    """

    form: Form
    grammar: Grammar
    warnings: tuple[str, ...] = ()
    bounds: Bounds | None = None
    keys: tuple[str, ...] = ()
    penalty: float = 1.0

    def start(self, vocabulary: Vocabulary) -> Decoding:
        """The state before the first token of one sequence. Raises SchemaError if the form is too complex."""
        keys = [
            tuple(tokenize(vocabulary, json.dumps(key, ensure_ascii=False)[1:].encode())) for key in self.keys
        ]
        return SequenceDecoding(
            self.grammar.match(vocabulary),
            pieces_of(vocabulary),
            bounds=self.bounds,
            penalty=self.penalty,
            keys=keys,
        )

    def accepts(self, text: str) -> bool:
        """Whether a whole text has the form, as far as the engine enforces it."""
        matcher = self.grammar.match(_BYTES)
        try:
            for byte in text.encode():
                matcher.consume(byte)
        except ValueError:
            return False
        return matcher.accepting


def constrain(target: Target, *, penalty: float = 1.0, bounds: Bounds | None = None) -> FormConstraint:
    """Prepare a constraint.

    Args:
        target: what is to be generated.
        penalty: for words that were used shortly before; 1 is none.
        bounds: for what a JSON Schema leaves open; by default those of `Bounds`, widened to the largest
            `maxLength` and `maxItems` that the schema names.

    Raises:
        SchemaError: the form isn't valid, nothing satisfies it, or the engine can't enforce it.
    """
    if target.form.kind != "json":
        probe(target.form)
        constraint = FormConstraint(target.form, compile_grammar(target.form), penalty=penalty)
    else:
        constraint = _constrain_json(target, penalty, bounds)
    constraint.grammar.match(_BYTES).allowed()  # raises where nothing may come first
    return constraint


def _constrain_json(target: Target, penalty: float, bounds: Bounds | None) -> FormConstraint:
    schemas.check_schema(target.schema, len(target.form.text))
    grammar, loosened = _compile_json(target.schema)
    return FormConstraint(
        form=target.form,
        grammar=grammar,
        warnings=(*loosened, *_placed(target.schema, grammar.unenforced), *_annotations(target.schema)),
        bounds=bounds or _widened(target.schema),
        keys=tuple(schemas.required_keys(target.schema)),
        penalty=penalty,
    )


def _compile_json(schema: Any) -> tuple[Grammar, list[str]]:
    """Compile a schema, and say what of it had to be left out: patterns that the engine can't follow."""
    if not isinstance(schema, dict):
        return compile_grammar(Form("json", "{}")), []
    schema = sharpen(schema)
    probe(_form(schema), risky=schemas.pattern_properties(schema) > _MANY_PATTERNS)
    if schemas.can_close(schema):
        # Not to be wandered into by a small model, but the schema may need what isn't declared.
        with suppress(SchemaError):
            return compile_grammar(_form(schemas.close_objects(schema))), []
    try:
        return compile_grammar(_form(schema)), []
    except SchemaError:
        looser, dropped = _without_hard_patterns(schema)
        if not dropped:
            raise
    return compile_grammar(_form(looser)), dropped


def _form(schema: Any) -> Form:
    return Form("json", json.dumps(schema, ensure_ascii=False))


def _without_hard_patterns(schema: Any) -> tuple[Any, list[str]]:
    looser, dropped = copy.deepcopy(schema), []
    for path, node in schemas.patterns_of(looser):
        try:
            compile_grammar(_form({"type": "string", "pattern": node["pattern"]}))
        except SchemaError:
            dropped.append(f"pattern {node.pop('pattern')!r} at {path}/pattern")
    return looser, dropped


def _placed(schema: Any, messages: Sequence[str]) -> list[str]:
    """The engine's warnings, a keyword at a time, each with the places where it stands."""
    found: list[str] = []
    for message in messages:
        if message.startswith("Unimplemented keys"):
            found += [
                _with_places(keyword, schemas.places_of(schema, keyword))
                for keyword in _QUOTED.findall(message)
            ]
        elif named := _FORMAT.match(message):
            found.append(f"format {named[1]!r} (unknown)")
        elif message.startswith("oneOf"):
            found.append(_with_places("oneOf", schemas.places_of(schema, "oneOf")))
        elif message.startswith("min/maxProperties"):
            places = schemas.places_of(schema, "minProperties") + schemas.places_of(schema, "maxProperties")
            found.append(_with_places("minProperties, maxProperties", places))
        else:
            found.append(message)
    return list(dict.fromkeys(found))


def _annotations(schema: Any) -> list[str]:
    """What the engine and later drafts take for a mere remark, though a reader may not."""
    found = [
        (keyword, schemas.places_of(schema, keyword)) for keyword in ("contentEncoding", "contentMediaType")
    ]
    return [f"{_with_places(keyword, places)} (a remark only)" for keyword, places in found if places]


def _with_places(keyword: str, places: Sequence[str]) -> str:
    if not places:
        return keyword
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"{keyword} at {places[0]}{more}"


def _widened(schema: Any) -> Bounds:
    usual = Bounds()
    return Bounds(
        string=max(usual.string, 4 * schemas.largest(schema, "maxLength")),
        items=max(usual.items, schemas.largest(schema, "maxItems")),
    )
