"""Runs models on another server that speaks OpenAI's protocol: vLLM, llama-server, Ollama, LM Studio."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ValidationError

from ragent.config import LLMSettings
from ragent.errors import ContextOverflow, SchemaError, ServerError
from ragent.llm.connection import Connection, Retries
from ragent.llm.dialects import (
    TOOL_CALLERS,
    Kind,
    Served,
    count_tokens,
    estimate_tokens,
    form_fields,
    identify,
    sampling_fields,
    usual_context,
)
from ragent.llm.foretelling import foretelling_fields, foretold
from ragent.llm.tool_calls import CallPiece, is_lack_of_tools, joined, tool_fields
from ragent.protocols import Constraint
from ragent.trace import Attributes, chat, score
from ragent.types import Delta, Exchange, Message, Sampling, Tool, Turn, Usage

_LOG = logging.getLogger("ragent.llm")


def open_openai(
    settings: LLMSettings, _folder: Path | None = None, *, retries: Retries | None = None
) -> ServedModel:
    """Prepare to use the model at `[llm] url`. Nothing is connected yet.

    Args:
        settings: `model` is a name there; if it isn't set, the server's only model is meant. `n_ctx` is the
            context to reckon with; 0: the server's own. The key comes from the environment:
            `RAGENT_SECRET_<HOST>_API_KEY` or `RAGENT_SECRET_<HOST>`.
        retries: for failures before the first token.

    Raises:
        ConfigError: the URL is none, or holds a password.
    """
    connection = Connection(settings.url, seconds=settings.seconds, retries=retries)
    unset = settings.model == LLMSettings.model_fields["model"].default
    return ServedModel(connection, "" if unset else settings.model, settings.n_ctx)


class ServedModel:
    """A chat model on a server. Safe to share between threads; each stream is a connection of its own."""

    def __init__(self, connection: Connection, model: str = "", context_tokens: int = 0) -> None:
        """Name a model.

        Args:
            connection: to its server.
            model: its name there; "": the only one.
            context_tokens: what to reckon with; 0: what the server says, else 4096.
        """
        self._connection = connection
        self._model = model
        self._wanted_context = context_tokens
        self._told: set[str] = set()
        self._refused_tools = False

    @property
    def name(self) -> str:
        """The model's name on the server."""
        return self._served.model

    @cached_property
    def context_tokens(self) -> int:
        """Prompt and completion together may not exceed this. Raises as `stream` does."""
        told = self._wanted_context or self._served.context_tokens
        return told or usual_context(self._connection.url)

    def count_prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of the chat prompt by the server's tokenizer, else an estimate (see `estimate_tokens`)."""
        counted = count_tokens(self._connection, self._served, messages)
        return estimate_tokens(messages) if counted is None else counted

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> Iterator[Delta]:
        """Generate an answer piece by piece; the last piece carries `finish_reason` and `usage`.

        What of `sampling` the server doesn't offer is left out; a warning in the log says so, once.
        Where the server doesn't report its usage, the prompt's tokens are those of `count_prompt`, and each
        piece counts as one.

        Raises:
            ContextOverflow: the prompt leaves no room for an answer.
            ModelNotFound: the server doesn't have the model.
            ServerError: it can't be reached, refuses, is silent for too long, or breaks off, or
                `sampling.timeout_s` is over.
            SchemaError: it can't hold a model to the constraint's form.
        """
        return chat(self._about(), messages, sampling, partial(self._stream, messages, sampling, constraint))

    def _about(self) -> Attributes:
        """For traces; nothing is asked of the server for them."""
        address = httpx.URL(self._connection.url)
        name = self._model or (self.name if "_served" in self.__dict__ else "")
        return {
            "gen_ai.provider.name": "openai",
            "server.address": address.host,
            **({"gen_ai.request.model": name} if name else {}),
            **({"server.port": address.port} if address.port else {}),
        }

    @property
    def calls_tools(self) -> bool:
        """Whether it is offered tools: not by servers that can't call any, nor once it refused to."""
        return not self._refused_tools and self._served.kind in TOOL_CALLERS

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
        pieces: list[CallPiece] = []

        def stream() -> Iterator[Delta]:
            body = self._body(messages, sampling, None) | tool_fields(messages, exchanges, tools)
            yield from self._deltas(body, sampling, formed=False, calls=pieces)

        try:
            deltas = list(chat(self._about(), messages, sampling, stream))
        except ServerError as error:
            if not is_lack_of_tools(error):
                raise
            _LOG.info("%s calls no tools: %s", self._connection.url, error.message)
            self._refused_tools = True
            return None
        return Turn("".join(delta.text for delta in deltas), joined(pieces), deltas[-1].usage or Usage())

    def first_tokens(self, messages: Sequence[Message]) -> Mapping[str, float] | None:
        """Ln p of the likeliest first tokens of an answer, by their texts; None where the server tells none.

        Raises as `stream` does.
        """
        body = self._body(messages, Sampling(max_tokens=1, repeat_penalty=1.0), None)
        del body["stream_options"]
        with score("openai", self.name, 1):
            try:
                url = f"{self._connection.url}/chat/completions"
                return foretold(self._connection.ask(url, body | foretelling_fields()))
            except ServerError as error:
                if error.status not in (400, 422):
                    raise
                _LOG.info("%s tells no probabilities: %s", self._connection.url, error.message)
                return None

    def _stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None
    ) -> Iterator[Delta]:
        body = self._body(messages, sampling, constraint)
        yield from self._deltas(body, sampling, formed=constraint is not None, calls=[])

    def _deltas(
        self, body: dict[str, Any], sampling: Sampling, *, formed: bool, calls: list[CallPiece]
    ) -> Iterator[Delta]:
        """The pieces of text; those of calls are added to `calls`."""
        deadline = time.monotonic() + sampling.timeout_s if sampling.timeout_s else math.inf
        told: Usage | None = None
        finish: Literal["stop", "length"] | None = None
        pieces = 0
        with closing(self._events(body, deadline, formed=formed)) as events:
            for event in events:
                chunk = self._read(event)
                told = chunk.counted or told
                for choice in chunk.choices[:1]:
                    if choice.finish_reason:
                        finish = "length" if choice.finish_reason == "length" else "stop"
                    calls += choice.calls
                    if text := choice.text:
                        pieces += 1
                        yield Delta(text)
        if finish is None:
            raise ServerError(
                f"the server at {self._connection.url} broke off in the middle of its answer",
                hint="ask again",
                retryable=True,
            )
        yield Delta("", finish, told or Usage(self.count_prompt(_said(body)), pieces))

    @cached_property
    def _served(self) -> Served:
        return identify(self._connection, self._model)

    def _body(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None
    ) -> dict[str, Any]:
        served = self._served
        # The others cut a long prompt without a word, or break down.
        if served.kind not in ("llama-server", "vllm"):
            self._refuse_too_long(self.count_prompt(messages))
        form = form_fields(served, constraint.form) if constraint else {}
        return {
            "model": served.model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            **self._sampling(served.kind, sampling),
            **form,
        }

    def _sampling(self, kind: Kind, sampling: Sampling) -> dict[str, Any]:
        fields, missing = sampling_fields(kind, sampling)
        if new := [name for name in missing if name not in self._told]:
            self._told.update(new)
            _LOG.warning("the server at %s can't sample by %s", self._connection.url, ", ".join(new))
        return fields

    def _refuse_too_long(self, tokens: int) -> None:
        if tokens >= self.context_tokens:
            raise ContextOverflow(
                f"the prompt has about {tokens} tokens; the model's context is {self.context_tokens}",
                hint="ask with fewer passages (-k), or set [llm] n_ctx to what the server gives the model",
            )

    def _events(self, body: dict[str, Any], deadline: float, *, formed: bool) -> Generator[dict[str, Any]]:
        try:
            yield from self._connection.events(f"{self._connection.url}/chat/completions", body, deadline)
        except ServerError as error:
            if not formed or error.status not in (400, 422):
                raise
            raise SchemaError(
                f"the server refuses to hold the model to this form: {error.message}",
                hint="ask for a simpler schema, or leave [llm] url empty to run a model here",
            ) from error

    def _read(self, event: dict[str, Any]) -> _Chunk:
        try:
            return _Chunk.model_validate(event)
        except ValidationError:
            raise self._connection.not_understood(str(event).encode()) from None


def _said(body: dict[str, Any]) -> list[Message]:
    return [Message(said["role"], str(said["content"])) for said in body["messages"]]


class _Delta(BaseModel):
    content: str | None = None
    tool_calls: list[CallPiece] | None = None


class _Choice(BaseModel):
    delta: _Delta | None = None
    finish_reason: str | None = None

    @property
    def text(self) -> str:
        return (self.delta and self.delta.content) or ""

    @property
    def calls(self) -> list[CallPiece]:
        return (self.delta and self.delta.tool_calls) or []


class _Details(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None


class _Chunk(BaseModel):
    """What ragent reads of a chat completion chunk."""

    choices: list[_Choice] = []
    usage: _Usage | None = None

    @property
    def counted(self) -> Usage | None:
        if self.usage is None:
            return None
        details = self.usage.prompt_tokens_details
        reused = (details and details.cached_tokens) or 0
        return Usage(self.usage.prompt_tokens, self.usage.completion_tokens, reused)
