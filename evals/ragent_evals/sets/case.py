"""What a case is, and a set of them, whatever layout they came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["retrieval", "answer", "schema", "tools", "turns"]
"""What a case asks for: documents, an answer, a value under a schema, calls, or a conversation."""

NO_SLICES: Mapping[str, str] = {}
NO_DOCUMENTS: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Passage:
    """Where a right answer stands: a text of the set (or a document's address), and the words in it.

    `start` and `end` count characters of the text; both are None where only the words are known.
    """

    text_id: str
    quote: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a conversation, and what should come of it."""

    question: str
    answers: tuple[str, ...] = ()
    is_impossible: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to try, with what should come of it. What a kind has no use for is empty.

    Attributes:
        id: no other case of its set has it.
        kind: what is asked for.
        question: the question, the prompt, or the request; the last turn's question of a conversation.
        answers: right answers, any of which will do.
        is_impossible: whether nothing in the texts answers it, so that silence is right.
        relevant: by text id (or address) its grade: 0 is irrelevant, more is better.
        passages: where the answer stands.
        given: ids of texts that are put before the model instead of what a search would find, in this order.
        schema: what the value must obey.
        functions: what may be called, in the layout of the Berkeley leaderboard.
        calls: the calls that are right, likewise; () where no call is.
        turns: a conversation, in order.
        slices: what kind of case it is, by name, for figures by slice: {"source": "handbook"}.
        split: the part of the set it is of; "" if the set has none.
    """

    id: str
    kind: Kind
    question: str
    answers: tuple[str, ...] = ()
    is_impossible: bool = False
    relevant: Mapping[str, int] = field(default_factory=lambda: NO_DOCUMENTS)
    passages: tuple[Passage, ...] = ()
    given: tuple[str, ...] = ()
    schema: Any = None
    functions: tuple[Mapping[str, Any], ...] = ()
    calls: tuple[Mapping[str, Any], ...] = ()
    turns: tuple[Turn, ...] = ()
    slices: Mapping[str, str] = field(default_factory=lambda: NO_SLICES)
    split: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A text that a set brings with it. `origin`: the id of the text it was made from, if it was."""

    title: str
    text: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class EvalSet:
    """Cases, and the texts that they are about.

    Attributes:
        name: the file's or the folder's, without its ending.
        cases: in the set's order.
        texts: by id; empty where the cases are about the collection in use.
        version: a digest of the cases' contents: the same for the same cases, whatever layout they came in.
        corpus: a digest of the texts; "" without any.
    """

    name: str
    cases: tuple[Case, ...]
    texts: Mapping[str, Text]
    version: str
    corpus: str
