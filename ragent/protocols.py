"""What a component must offer. Structural: nothing inherits from these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ragent.types import (
    Changes,
    Chunk,
    Delta,
    Document,
    Exchange,
    Failure,
    Fingerprint,
    Form,
    Hit,
    Item,
    Message,
    Query,
    RawDocument,
    Sampling,
    SearchOptions,
    SearchResult,
    Tool,
    Turn,
    UnpackLimits,
    Vocabulary,
)

Vectors = NDArray[np.float32]
"""Shape (n, dimension), one row a text; unit length where the fingerprint says `normalized`."""

Ids = NDArray[np.int64]

Logits = NDArray[np.float32]
"""Shape (vocabulary,): one sequence's scores for its next token."""


class Source(Protocol):
    """Where documents come from."""

    @property
    def uri(self) -> str:
        """Names the source itself, in messages."""

    def items(self) -> Iterator[Item]:
        """List what is there, cheaply (no contents). Raises SourceError if nothing can be listed."""

    def load(self, item: Item) -> RawDocument:
        """Read one item. Raises SourceError if it is gone, unreadable or too large."""


class PollingSource(Source, Protocol):
    """A source that can tell what changed, so that nobody has to list all of it."""

    def changes(self, cursor: str | None) -> Changes:
        """What changed since `cursor`; with None, everything there is.

        A source that can't see deletions this way tells none: compare with `items` now and then.

        Raises:
            SourceError: the source can't be read, or no longer understands the cursor: list `items` then.
        """


class Container(Protocol):
    """Opens one family of files that hold other files: archives, mailboxes, mails with attachments."""

    @property
    def is_document(self) -> bool:
        """Whether its bytes are a document beside their members, as a mail is beside its attachments."""

    def accepts(self, raw: RawDocument) -> float:
        """How sure this container is that the bytes are its own: 0 (no) to 1, by content before name."""

    def members(self, raw: RawDocument, limits: UnpackLimits) -> Iterator[RawDocument | Failure]:
        """The files inside, one at a time; their uri is `raw.uri`, `!/` and their quoted path.

        A member that can't be read is a Failure. No member is longer than `limits.member_bytes`, and reading
        stops with a Failure once more than `limits.total_bytes` were decompressed.

        Raises:
            ParseError: the container can't be read at all.
        """


class Parser(Protocol):
    """Turns the bytes of one family of formats into text with structure."""

    def accepts(self, raw: RawDocument) -> float:
        """How sure this parser is that the bytes are its own: 0 (no) to 1, by content before name."""

    def parse(self, raw: RawDocument) -> Document:
        """Raises ParseError when the bytes hold no usable text."""


class Tokenizer(Protocol):
    """Counts as the model that will read the text counts, special tokens excluded."""

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character span of each token of the whole text, in order; nothing is cut."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text; nothing is cut."""


class Chunker(Protocol):
    """Splits a document into passages that fit the embedder."""

    def chunk(self, document: Document) -> list[Chunk]:
        """In order of `start`. Every non-blank character of the text is in at least one chunk."""


class Embedder(Protocol):
    """Texts in, vectors out."""

    @property
    def fingerprint(self) -> Fingerprint: ...

    @property
    def max_tokens(self) -> int:
        """The most tokens of one text that it reads, special tokens excluded."""

    @property
    def tokenizer(self) -> Tokenizer: ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Raises ValueError for a text longer than `max_tokens`: nothing is cut silently."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Like `embed_documents`, with the model's query prefix. Longer queries are averaged over windows."""


@runtime_checkable
class TokenEmbedder(Protocol):
    """What an embedder may offer besides: a vector for each token, in the light of the tokens around it."""

    def embed_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text, unit vectors of shape (tokens, dimension): row i is token i of `tokenizer.offsets`.

        Raises ValueError for a text longer than `max_tokens`.
        """


class DenseIndex(Protocol):
    """A nearest-neighbour index over unit vectors; scores are cosine similarities.

    Searches may run in parallel, but not beside `add` or `remove`.
    """

    @property
    def kind(self) -> str: ...

    @property
    def ids(self) -> Ids:
        """Every id added, ascending, the removed ones included as long as they take up space."""

    @property
    def dead(self) -> Ids:
        """Those of `ids` that were removed, ascending."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Append. Raises ValueError unless the ids ascend, from one call to the next too."""

    def remove(self, ids: Ids) -> None:
        """Never return these again. Unknown ids are passed over."""

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """Ids and scores, each of shape (n, k), best first; id -1 where there are fewer than k.

        `among`: only these ids, ascending; None: all that are alive. Dead and unknown ones are passed over.
        Where few may be found, each of them is looked at, whatever the kind: that is faster then, and exact.
        """

    def score(self, query: Vectors, ids: Ids) -> Vectors:
        """Scores, shape (n,), of the given ids for one query, shape (dimension,); NaN for unknown ids."""


class Decoding(Protocol):
    """One sequence under a constraint, from its first token on. Not shared between threads."""

    @property
    def done(self) -> bool:
        """Whether the output is complete and nothing can follow: no end token need be sampled."""

    @property
    def hurried(self) -> bool:
        """Whether the token limit came so near that the output is being closed the shortest way."""

    def restrict(self, logits: Logits, left: int) -> None:
        """Set what may not come next to minus infinity, in place; `left` tokens may still be sampled.

        Raises:
            SchemaError: the engine gave the form up midway, because it is too complex.
        """

    def advance(self, token: int) -> None:
        """Take the token that was sampled. Raises ValueError for one that `restrict` ruled out."""


@runtime_checkable
class Foreseeing(Decoding, Protocol):
    """A decoding that tells, before the model does, what comes next. Guesses at the output go by it."""

    def forced(self) -> list[int]:
        """Tokens that most likely come next, whatever the model thinks; none where there is a choice."""

    def fitting(self, tokens: Sequence[int]) -> int:
        """How many of these, from the first on, may come next in this order, as far as the form goes."""


class Constraint(Protocol):
    """Holds a model to a form, token by token. Can be used for many sequences, and by many threads."""

    @property
    def form(self) -> Form: ...

    def start(self, vocabulary: Vocabulary) -> Decoding:
        """The state before the first token of one sequence."""


class LLM(Protocol):
    """A chat model."""

    @property
    def name(self) -> str: ...

    @property
    def context_tokens(self) -> int:
        """Prompt and completion together may not exceed this."""

    def count_prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of the rendered chat prompt."""

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> Iterator[Delta]:
        """Closing the iterator stops the generation. Raises ContextOverflow before the first token.

        With a constraint, `finish_reason` is "length" too where the output had to be closed before its time.
        """


@runtime_checkable
class Scoring(Tokenizer, Protocol):
    """What an LLM may offer besides text: how likely it finds given texts. It counts by its own tokenizer."""

    @property
    def scoring_tokens(self) -> int:
        """The most tokens, messages and continuation together, that `log_likelihoods` takes."""

    def count_prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of the rendered chat prompt."""

    def log_likelihoods(
        self, messages: Sequence[Message], continuations: Sequence[str], begun: str = ""
    ) -> list[float]:
        """Sum of ln p over the tokens of each continuation of the answer that `begun` begins.

        Raises ContextOverflow for what is longer than `scoring_tokens`.
        """


@runtime_checkable
class Foretelling(Protocol):
    """What an LLM may offer besides text: how likely an answer is to begin with this token or that."""

    def first_tokens(self, messages: Sequence[Message]) -> Mapping[str, float] | None:
        """Ln p of the likeliest first tokens, by their texts; None where that isn't told.

        Raises as `LLM.stream` does.
        """


@runtime_checkable
class ToolCalling(Protocol):
    """What an LLM may offer besides: calls of tools by its server's own protocol."""

    @property
    def calls_tools(self) -> bool:
        """Whether it does, as far as is known."""

    def call_tools(
        self,
        messages: Sequence[Message],
        exchanges: Sequence[Exchange],
        tools: Sequence[Tool],
        sampling: Sampling,
    ) -> Turn | None:
        """The model's next turn, after the exchanges so far; None where it turns out not to call tools.

        Raises as `stream` does.
        """


class Retriever(Protocol):
    """Finds chunks for a query."""

    def search(self, query: str, k: int, options: SearchOptions) -> SearchResult: ...


class Reranker(Protocol):
    """Reads query and passages together, and puts the hits in a better order."""

    def rerank(self, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """All of `hits`, best first, with new scores, and ranks counted anew."""


@runtime_checkable
class StepwiseReranker(Reranker, Protocol):
    """A reranker that takes long, and can be stopped on the way."""

    def steps(self, query: str, hits: Sequence[Hit]) -> Iterator[tuple[Hit, ...]]:
        """Orders of all of `hits`, each of more work than the one before; the last is that of `rerank`."""


class Searcher(Protocol):
    """What a query technique searches with: one collection, under the options of the search in hand."""

    def search(self, query: Query, k: int) -> SearchResult:
        """The `k` best chunks, before any reranking, each with an `explanation`: the scores of both sides."""

    def score(self, query: Query, chunk_ids: Sequence[int]) -> tuple[Hit, ...]:
        """Those of these chunks that may be found, best first, scored as `search` scores."""

    def vector(self, query: Query) -> Vectors | None:
        """What the dense side looks for, shape (dimension,); None where it doesn't search."""

    def rarities(self, text: str) -> Mapping[str, float]:
        """BM25's inverse document frequency of each keyword of a text, by its stem."""

    def vectors(self, chunk_ids: Sequence[int]) -> Vectors:
        """The chunks' vectors, shape (n, dimension), NaN where a chunk is gone."""


class Technique(Protocol):
    """A way to search: it asks other queries than the user's, or puts together what several find.

    Techniques compose: what one searches with may be another, which searches in its own way.
    """

    def search(self, searcher: Searcher, query: Query, k: int) -> SearchResult:
        """The `k` best chunks, or fewer where there are fewer."""
