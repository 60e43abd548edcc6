"""The values that pass between rooms: frozen, plain, and without behaviour of their own.

Offsets count Python characters (Unicode code points) of `Document.text`, start inclusive, end exclusive.
Pages count from 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ragent.errors import ConfigError
from ragent.filters import Filter

BlockKind = Literal["heading", "paragraph", "list", "table", "code", "quote"]
Role = Literal["system", "user", "assistant"]
SearchMode = Literal["hybrid", "dense", "keyword"]
QueryKind = Literal["phrase", "code", "question", "short", "statement"]
Metadata = Mapping[str, Any]
_TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a Source offers: where it is, and a cheap token that changes when it does.

    `error` is set when the source saw the thing but can't offer it (an unreadable folder, say).
    """

    uri: str
    version: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class RawDocument:
    """Bytes as a Source loaded them, before any Parser looked inside."""

    uri: str
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Changes:
    """What a source says happened since a cursor, and the cursor to ask with the next time.

    `items` may repeat some that were told before; `deleted` are the uris of items that are gone.
    """

    items: tuple[Item, ...]
    deleted: tuple[str, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """How much may come out of one archive or mailbox, nested ones included.

    `depth` counts containers within containers: 1 unpacks an archive, but none inside it.
    """

    members: int = 10_000
    member_bytes: int = 100_000_000
    total_bytes: int = 1_000_000_000
    depth: int = 3


@dataclass(frozen=True, slots=True)
class Block:
    """A structural piece of a document's text. `level` is a heading's depth (1 = top), else 0.

    `label` says where it stands beside its headings: `rows 2–40`, `00:01:05–00:01:20`, `Ledger.total`. An en
    dash parts the two ends of a range, so that neighbours join to one, from the first's start to the last's
    end.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """The stretch of the text that stood on one numbered page."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """A document's text with its structure.

    `blocks` are in order, don't overlap, and lie within the text. `pages` is empty where the format has
    no pages. `metadata` holds JSON values only.
    """

    uri: str
    title: str
    text: str
    media_type: str
    blocks: tuple[Block, ...] = ()
    pages: tuple[Page, ...] = ()
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage small enough for the embedder: `document.text[start:end] == text`, always.

    `context` (title, heading path and label) is embedded and indexed with the text but is no part of it.
    `tokens` counts context and text together, by the embedder's own tokenizer.
    """

    start: int
    end: int
    text: str
    context: str
    tokens: int
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, where the words and the meaning may be said apart.

    Attributes:
        text: what the keyword side looks for, and what rerankers read.
        meanings: what is embedded instead of `text`, as if it were a document; vectors are averaged.
        vector: what the dense side looks for, shape (dimension,); then nothing is embedded.
        dense_weight: the dense side's share in a convex fusion, 0 to 1; None: as the settings say.
    """

    text: str
    meanings: tuple[str, ...] = ()
    vector: NDArray[np.float32] | None = field(default=None, compare=False)
    dense_weight: float | None = None


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search. What is None is as the settings say.

    Attributes:
        mode: which engines search.
        where: only what meets this filter is found.
        rerank: names of rerankers, which see the best hits one after the other; (): none.
        technique: names of query techniques, each of which searches with the next; (): none.
        by_document: the best hit of each document only.
        explain: each hit says why it was found.
    """

    mode: SearchMode | None = None
    where: Filter | None = None
    rerank: tuple[str, ...] | None = None
    technique: tuple[str, ...] | None = None
    by_document: bool = False
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a hit stands where it does.

    Attributes:
        dense: the cosine with the query; None where the dense side didn't search.
        keyword: the BM25 score; None likewise.
        terms: what each word (and quoted phrase) of the query contributed to `keyword`; only if asked for.
        fused: both as one score, with the affinity.
        affinity: the cosine with what the best two have in common; None where that doesn't count.
        fusion: how, in figures; only if asked for.
        stages: the score after each technique and reranker, by name, in order.
    """

    dense: float | None
    keyword: float | None
    fused: float
    terms: Mapping[str, float] = field(default_factory=dict)
    fusion: str = ""
    affinity: float | None = None
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found, with where it stood. Higher scores are better; ranks count from 1.

    `explanation` is there when the search was to explain itself, and for query techniques.
    """

    rank: int
    score: float
    chunk_id: int
    document_id: int
    uri: str
    title: str
    page: int | None
    start: int
    end: int
    text: str
    context: str
    metadata: Metadata
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, and the plan: which engines ran, with how many candidates, in what time.

    `relevance` is the probability that the hits bear on the query at all; None where one engine alone ran.
    """

    query: str
    hits: tuple[Hit, ...]
    plan: Mapping[str, Any]
    relevance: float | None = None


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
class Usage:
    """Tokens by the model's own count.

    Attributes:
        prompt_tokens: of the prompt.
        completion_tokens: of the output.
        reused_tokens: prompt tokens that needed no new computation.
        drafted_tokens: guesses at the output that were checked (see `[llm] speculate`).
        accepted_tokens: those of them that were right.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reused_tokens: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0


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


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    `passages` are the parts of `content` that say the same in any prompt, retrieved text say, as they stand
    in it: a model may make use of having read them before.
    """

    role: Role
    content: str
    passages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dry:
    """Don't repeat yourself: what would prolong a repetition loses logits, ever more the longer it is.

    A token that would follow a repeated sequence of `length` tokens as it did before loses
    `multiplier * base ** (length - allowed_length)`.
    Source: https://github.com/oobabooga/text-generation-webui/pull/5677.

    Attributes:
        multiplier: 0: nothing is lost.
        base: how fast it grows.
        allowed_length: shorter repetitions are free.
        last_n: how many tokens of the output are looked at.
        breakers: no repetition reaches over these.
    """

    multiplier: float = 0.8
    base: float = 1.75
    allowed_length: int = 2
    last_n: int = 4096
    breakers: tuple[str, ...] = ("\n", ":", '"', "*")


@dataclass(frozen=True, slots=True)
class Mirostat:
    """Chance under control: the output's surprise is held at `tau` bits a token, learning at the rate `eta`.

    It stands in for top-k, top-p, min-p and typical sampling. Source: Basu et al. 2021, arXiv 2007.14966.
    """

    version: Literal[1, 2] = 2
    tau: float = 5.0
    eta: float = 0.1


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an LLM picks tokens.

    A repetition penalty above 1 is the default because small models loop without one.

    Attributes:
        max_tokens: the longest output; None: until the context is full.
        temperature: 0: always the likeliest token (with `mirostat`: as 1).
        top_p: only the likeliest tokens that have this probability together.
        top_k: only so many of the likeliest; 0: any number.
        min_p: only tokens at least so likely as this share of the likeliest one's probability.
        typical_p: only the tokens whose surprise is nearest the expected one, of this probability together.
        repeat_penalty: divides the logits of the last tokens of the output; below zero it multiplies.
        repeat_last_n: how many those are; -1: all.
        frequency_penalty: what a token's logit loses for each time that it is among them.
        presence_penalty: what it loses if it is among them at all.
        dry: the penalty for repeated sequences; None: none.
        mirostat: None: off.
        seed: the same one gives the same output.
        stop: texts before which the output ends.
        timeout_s: an output that isn't complete by then, waiting for others included, is an error.
    """

    max_tokens: int | None = 256
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    typical_p: float = 1.0
    repeat_penalty: float = 1.1
    repeat_last_n: int = 64
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    dry: Dry | None = None
    mirostat: Mirostat | None = None
    seed: int = 0
    stop: tuple[str, ...] = ()
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """What an output must look like.

    `text` is a JSON Schema, a regular expression that the whole output matches, or a Lark grammar with a rule
    `start`. A model that is served by URL is given this; one that runs here gets a mask for every token.
    """

    kind: Literal["json", "regex", "grammar"]
    text: str


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Vocabulary:
    """A model's tokens, as a decoding constraint sees them.

    Attributes:
        pieces: The bytes of each token, with its leading space if it has one; none for control tokens.
        end_tokens: Those that end the output.
        tokenize: The model's own way to cut bytes into tokens, without control tokens. Some models' tokens
            begin with a space that the bytes don't.
    """

    pieces: tuple[bytes, ...]
    end_tokens: tuple[int, ...]
    tokenize: Callable[[bytes], list[int]]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed completion. Only the last one carries `finish_reason` and `usage`."""

    text: str
    finish_reason: Literal["stop", "length"] | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What makes two vectors comparable. Vectors of unequal fingerprints never share an index."""

    model: str
    revision: str
    pooling: str
    query_prefix: str
    document_prefix: str
    dimension: int
    normalized: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """A thing that could not be ingested, and the error that says why."""

    uri: str
    error: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingestion did. `interrupted`: Ctrl-C ended it after a whole batch; run it again to go on.

    `embedded` counts the chunks, of all that were written, whose text was new. `duplicates` are documents
    that repeat another one, whether kept or left out.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    deleted: int = 0
    duplicates: int = 0
    failed: tuple[Failure, ...] = ()
    chunks: int = 0
    embedded: int = 0
    seconds: float = 0.0
    interrupted: bool = False


DocumentStatus = Literal["added", "updated", "unchanged", "moved", "duplicate", "gone", "deleted", "failed"]


@dataclass(frozen=True, slots=True)
class DocumentReport:
    """What became of one document.

    Attributes:
        uri: The document, or the source that could not be listed.
        status: `duplicate` was left out because it repeats another; `gone` is no longer there, but kept.
        chunks: How many it has now, where it was read.
        seconds: Spent on reading it.
        detail: The error, where it was before, or which document it repeats.
    """

    uri: str
    status: DocumentStatus
    chunks: int = 0
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave.

    Attributes:
        text: what the model is shown.
        tainted: whether any of it was written by somebody else than the user: documents, web pages, other
            servers' tools.
    """

    text: str
    tainted: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """Something an agent may do.

    Attributes:
        name: a word, which the model writes.
        description: what it does, for the model.
        parameters: the JSON Schema of its arguments: an object.
        run: does it. Takes the arguments, valid by `parameters`; raises ToolError with a text for the model.
        side_effects: whether it changes anything outside the run: then a person may have to agree.
        pure: whether calls may run beside each other, and equal ones give equal results.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Callable[[Mapping[str, Any]], ToolResult]
    side_effects: bool = False
    pure: bool = False

    def __post_init__(self) -> None:
        if not _TOOL_NAME.fullmatch(self.name):
            raise ConfigError(
                f"{self.name!r} can't be a tool's name",
                hint="a name is a letter or _, then at most 63 letters, digits, _, . or -",
            )


@dataclass(frozen=True, slots=True)
class Wish:
    """A call as a model wrote it by its server's protocol: not even that `arguments` is JSON was checked."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a model said and asked for in a turn, and what came of it: a result a call, in the same order."""

    text: str
    calls: tuple[Wish, ...] = ()
    results: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """What a model that calls tools by its server's protocol says: a text, calls, or both."""

    text: str
    calls: tuple[Wish, ...]
    usage: Usage
