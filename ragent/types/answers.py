"""Answers, and where they are from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ragent.types.generation import Usage
from ragent.types.retrieval import Hit


@dataclass(frozen=True, slots=True)
class Citation:
    """A verbatim quote: `document.text[start:end] == quote`, checked against the store before it is shown.

    `support` is the probability, 0 to 1, that the quote answers the question, as far as signs can tell.
    `short` are the words of the quote that may answer by themselves, where they were looked for.
    """

    marker: int
    uri: str
    page: int | None
    start: int
    end: int
    quote: str
    document_id: int
    chunk_id: int
    support: float = 0.0
    short: str = ""


@dataclass(frozen=True, slots=True)
class Timings:
    """Wall-clock seconds of one answer. `first_token_s` counts from the call, retrieval included."""

    retrieve_s: float
    first_token_s: float | None
    total_s: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something an answer had to leave out, and why. Of a passage, `chunk_id` says which chunk it is from."""

    kind: Literal["passage", "sentence", "turn", "example"]
    text: str
    reason: str
    chunk_id: int | None = None


@dataclass(frozen=True, slots=True)
class PromptUsed:
    """Which template was rendered: its name and version, and a digest of its text."""

    name: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What `ask` gives. When `abstained`, `text` says so in plain words and there are no citations.

    `value` is the answer in the form that was asked for, if one was; None when abstained.

    `understood` is the question as it was searched for, in the light of the conversation before it, if there
    was one. `reasoning` is what the model wrote before its answer, in the style that has it do so: nothing of
    it was checked. `prompts` are the templates that were rendered. `support` is that of the best citation, or
    of what would have been cited, had it been enough.
    """

    question: str
    text: str
    abstained: bool
    citations: tuple[Citation, ...]
    dropped: tuple[Dropped, ...]
    usage: Usage
    timings: Timings
    hits: tuple[Hit, ...] = ()
    value: Any = None
    understood: str = ""
    reasoning: str = ""
    prompts: tuple[PromptUsed, ...] = ()
    support: float = 0.0
