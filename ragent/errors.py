"""Every error ragent raises on purpose, in one tree.

::

    RagentError
    ├── ConfigError            a setting is unknown or has an impossible value
    ├── MissingExtraError      a package that this feature needs is not installed (also ImportError)
    ├── SourceError            a path, URL or folder can't be listed or read
    ├── ParseError             bytes were read, but hold no usable text
    ├── StoreError             the home or its database can't be used
    │   ├── EmbedderMismatch   the collection was embedded by another model
    │   ├── ChunksTooLong      chunks are longer than a model reads, and would be cut
    │   └── CorruptIndex       a derived file is damaged (it is rebuilt, so users rarely see this)
    ├── LLMError               a language model failed (`retryable`)
    │   ├── ContextOverflow    the prompt doesn't fit the model's context
    │   ├── ModelNotFound      no such model here
    │   ├── MalformedOutput    a model's output doesn't have the form that was asked for (`text`)
    │   └── ServerError        a model served by URL failed
    ├── QueryError             a query can't be searched for, because it is empty, say
    ├── RerankError            a reranker failed
    ├── SchemaError            a schema, regular expression or grammar can't be enforced (`path`)
    ├── ToolError              a tool failed; the text is shown to the model
    ├── BudgetExceeded         a run reached its limit
    ├── AccessError            somebody may not do that
    │   ├── NotSignedIn        nobody known asks
    │   ├── NotAllowed         their role doesn't allow it
    │   ├── NotThere           there is no such thing, or it is somebody else's
    │   └── TooMuch            too many requests, or too large a one (`retry_after`)
    └── EvalError              an eval set or run can't be used

Each carries `hint`: what the user can do about it, or "" where the message says it all.
"""

from __future__ import annotations


class RagentError(Exception):
    """The root. `str(error)` is the message followed by the hint."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class ConfigError(RagentError):
    """A setting is unknown or has an impossible value."""


class MissingExtraError(RagentError, ImportError):
    """A package that this feature needs is not installed."""


class SourceError(RagentError):
    """A path, URL or folder can't be listed or read."""


class ParseError(RagentError):
    """Bytes were read, but hold no usable text."""


class StoreError(RagentError):
    """The home or its database can't be used."""


class EmbedderMismatch(StoreError):
    """The collection was embedded by another model."""


class ChunksTooLong(StoreError):
    """Chunks are longer than the embedder that is to read them reads; `count` is how many."""

    def __init__(self, message: str, *, count: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.count = count


class CorruptIndex(StoreError):
    """A derived file is damaged, foreign or truncated."""


class LLMError(RagentError):
    """A language model failed. `retryable` says whether the same call may work later."""

    def __init__(self, message: str, *, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable


class ContextOverflow(LLMError):
    """The prompt doesn't fit the model's context."""


class ModelNotFound(LLMError):
    """No such model here."""


class MalformedOutput(LLMError):
    """A model's output doesn't have the form that was asked for; `text` is what there is of it."""

    def __init__(self, message: str, *, text: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.text = text


class ServerError(LLMError):
    """A model served by URL failed.

    Attributes:
        status: the HTTP status; 0 where it didn't come to that.
        retry_after: seconds that the server wants to be left alone.
        begun: whether it had taken the request on, so that only another server should be asked again.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retryable: bool = False,
        status: int = 0,
        retry_after: float = 0.0,
        begun: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, retryable=retryable)
        self.status = status
        self.retry_after = retry_after
        self.begun = begun


class QueryError(RagentError):
    """A query can't be searched for."""


class RerankError(RagentError):
    """A reranker failed; the cause is its `__cause__`."""


class SchemaError(RagentError):
    """A schema, regular expression or grammar can't be enforced; `path` points at the part that is why."""

    def __init__(self, message: str, *, path: str = "", hint: str = "") -> None:
        super().__init__(f"{message} (at {path})" if path else message, hint=hint)
        self.path = path


class ToolError(RagentError):
    """A tool failed; the text is shown to the model.

    `tainted`: whether it may hold what somebody else than the user wrote, as a server's error may.
    """

    def __init__(self, message: str, *, hint: str = "", tainted: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.tainted = tainted


class BudgetExceeded(RagentError):
    """A run reached its limit of steps, tokens, seconds or cost; `run` is the run so far."""

    def __init__(self, message: str, *, run: object, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.run = run


class EvalError(RagentError):
    """An eval set or run can't be used."""


class AccessError(RagentError):
    """Somebody may not do that."""


class NotSignedIn(AccessError):
    """Nobody known asks."""


class NotAllowed(AccessError):
    """Their role doesn't allow it."""


class NotThere(AccessError):
    """There is no such thing, or it is somebody else's: which of the two isn't told."""


class TooMuch(AccessError):
    """Too many requests, or too large a one. `retry_after`: seconds after which it may work; 0: never."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
