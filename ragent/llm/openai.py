"""Runs models on another server that speaks OpenAI's protocol: vLLM, llama-server, Ollama, LM Studio."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import httpx
from pydantic import ValidationError

from ragent.config import LLMSettings
from ragent.errors import ContextOverflow, ModelNotFound, SchemaError, ServerError
from ragent.llm.chunks import Chunk
from ragent.llm.dialects import (
    TOOL_CALLERS,
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
from ragent.served import Endpoint, Pool, PoolOptions, Retries, read_addresses
from ragent.served.listing import Kind
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
        retries: for failures before the first token; by default `attempts` of the settings.

    Raises:
        ConfigError: the URL is none, or holds a password.
    """
    options = PoolOptions(
        settings.seconds,
        retries or Retries(settings.attempts),
        settings.breaker_failures,
        settings.breaker_seconds,
    )
    unset = settings.model == LLMSettings.model_fields["model"].default
    pool = Pool(read_addresses(settings.urls, "llm"), options)
    return ServedModel(pool, "" if unset else settings.model, settings.n_ctx)


class ServedModel:
    """A chat model on one server or several. Threads may share it."""

    def __init__(self, pool: Pool, model: str = "", context_tokens: int = 0) -> None:
        """Name a model.

        Args:
            pool: of its servers.
            model: its name there; "": the only one.
            context_tokens: what to reckon with; 0: what the servers say, else 4096.
        """
        self._pool = pool
        self._model = model
        self._wanted_context = context_tokens
        self._known: dict[str, Served] = {}
        self._lock = Lock()
        self._told: set[str] = set()
        self._refused_tools = False

    @property
    def name(self) -> str:
        """The model's name on its servers."""
        return self._served.model

    @property
    def context_tokens(self) -> int:
        """Prompt and completion together may not exceed this, on any server asked so far.

        Raises as `stream` does.
        """
        served = self._served
        return min((one.context_tokens for one in dict(self._known).values()), default=served.context_tokens)

    def count_prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of the chat prompt by the server's tokenizer, else an estimate (see `estimate_tokens`)."""
        return self._pool.ask(partial(self._count, messages), like=_beginning(messages))

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
            ServerError: no server can be reached, or it refuses, is silent for too long, or breaks off
                (what came until then is no answer), or `sampling.timeout_s` is over.
            SchemaError: it can't hold a model to the constraint's form.
        """
        return chat(self._about(), messages, sampling, partial(self._stream, messages, sampling, constraint))

    def _about(self) -> Attributes:
        """For traces; nothing is asked of the server for them."""
        addresses = [httpx.URL(endpoint.url) for endpoint in self._pool.endpoints]
        name = self._model or next((served.model for served in dict(self._known).values()), "")
        return {
            "gen_ai.provider.name": "openai",
            "server.address": ",".join(dict.fromkeys(address.host for address in addresses)),
            **({"gen_ai.request.model": name} if name else {}),
            **({"server.port": addresses[0].port} if len(addresses) == 1 and addresses[0].port else {}),
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
        asked = _Asked(tuple(messages), sampling, more=tool_fields(messages, exchanges, tools))
        try:
            deltas = list(chat(self._about(), messages, sampling, partial(self._deltas, asked, pieces)))
        except ServerError as error:
            if not is_lack_of_tools(error):
                raise
            _LOG.info("%s calls no tools: %s", self.name, error.message)
            self._refused_tools = True
            return None
        return Turn("".join(delta.text for delta in deltas), joined(pieces), deltas[-1].usage or Usage())

    def first_tokens(self, messages: Sequence[Message]) -> Mapping[str, float] | None:
        """Ln p of the likeliest first tokens of an answer, by their texts; None where the server tells none.

        Raises as `stream` does.
        """
        asked = _Asked(tuple(messages), Sampling(max_tokens=1, repeat_penalty=1.0))

        def ask(endpoint: Endpoint) -> Mapping[str, float] | None:
            body = self._body(endpoint, asked)
            del body["stream_options"]
            return foretold(endpoint.ask(f"{endpoint.url}/chat/completions", body | foretelling_fields()))

        with score("openai", self.name, 1):
            try:
                return self._pool.ask(ask, like=_beginning(messages))
            except ServerError as error:
                if error.status not in (400, 422):
                    raise
                _LOG.info("%s tells no probabilities: %s", self.name, error.message)
                return None

    def _stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None
    ) -> Iterator[Delta]:
        yield from self._deltas(_Asked(tuple(messages), sampling, constraint), [])

    def _deltas(self, asked: _Asked, calls: list[CallPiece]) -> Iterator[Delta]:
        """The pieces of text; those of calls are added to `calls`."""
        timeout = asked.sampling.timeout_s
        deadline = time.monotonic() + timeout if timeout else math.inf
        answers = self._pool.stream(
            partial(self._answer, asked, deadline), deadline=deadline, like=_beginning(asked.messages)
        )
        with closing(answers) as pieces:
            for piece in pieces:
                if isinstance(piece, CallPiece):
                    calls.append(piece)
                else:
                    yield piece

    def _answer(self, asked: _Asked, deadline: float, endpoint: Endpoint) -> Generator[Delta | CallPiece]:
        """What one server answers. Nothing comes of it before its first words or calls."""
        body = self._body(endpoint, asked)
        told: Usage | None = None
        finish: Literal["stop", "length"] | None = None
        count = 0
        with closing(self._events(endpoint, body, deadline, asked)) as events:
            for event in events:
                chunk = _read(endpoint, event)
                told = chunk.counted or told
                for choice in chunk.choices[:1]:
                    if choice.finish_reason:
                        finish = "length" if choice.finish_reason == "length" else "stop"
                    yield from choice.calls
                    if text := choice.text:
                        count += 1
                        yield Delta(text)
        if finish is None:
            raise endpoint.telling.broke_off()
        yield Delta("", finish, told or Usage(self._count(_said(body), endpoint), count))

    @property
    def _served(self) -> Served:
        """What is known of the model, by the server that was asked first."""
        known = next(iter(dict(self._known).values()), None)
        return known or self._pool.ask(self._served_at)

    def _served_at(self, endpoint: Endpoint) -> Served:
        """What one server says of itself and the model, asked once.

        Raises:
            ModelNotFound: it has another model than the others.
        """
        if endpoint.url in self._known:
            return self._known[endpoint.url]
        told = identify(endpoint, self._model)
        context = self._wanted_context or told.context_tokens or usual_context(endpoint.url)
        with self._lock:
            for url, other in self._known.items():
                if other.model != told.model:
                    raise ModelNotFound(
                        f"{url} has the model {other.model!r}, and {endpoint.url} has {told.model!r}",
                        hint="name one with [llm] model that all servers of [llm] url have",
                    )
            return self._known.setdefault(endpoint.url, replace(told, context_tokens=context))

    def _count(self, messages: Sequence[Message], endpoint: Endpoint) -> int:
        counted = count_tokens(endpoint, self._served_at(endpoint), messages)
        return estimate_tokens(messages) if counted is None else counted

    def _body(self, endpoint: Endpoint, asked: _Asked) -> dict[str, Any]:
        served = self._served_at(endpoint)
        # The others cut a long prompt without a word, or break down.
        if served.kind not in ("llama-server", "vllm"):
            _refuse_too_long(self._count(asked.messages, endpoint), served.context_tokens)
        return {
            "model": served.model,
            "messages": [{"role": message.role, "content": message.content} for message in asked.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            **self._sampling(endpoint, served.kind, asked.sampling),
            **(form_fields(served, asked.constraint.form) if asked.constraint else {}),
            **asked.more,
        }

    def _sampling(self, endpoint: Endpoint, kind: Kind, sampling: Sampling) -> dict[str, Any]:
        fields, missing = sampling_fields(kind, sampling)
        if new := [name for name in missing if name not in self._told]:
            self._told.update(new)
            _LOG.warning("the server at %s can't sample by %s", endpoint.url, ", ".join(new))
        return fields

    def _events(
        self, endpoint: Endpoint, body: dict[str, Any], deadline: float, asked: _Asked
    ) -> Generator[dict[str, Any]]:
        try:
            yield from endpoint.events(f"{endpoint.url}/chat/completions", body, deadline)
        except ServerError as error:
            if asked.constraint is None or error.status not in (400, 422):
                raise
            raise SchemaError(
                f"the server refuses to hold the model to this form: {error.message}",
                hint="ask for a simpler schema, or leave [llm] url empty to run a model here",
            ) from error


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an answer is wanted to; `more` are fields of the request."""

    messages: tuple[Message, ...]
    sampling: Sampling
    constraint: Constraint | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def _beginning(messages: Sequence[Message]) -> str:
    """What all turns of a conversation share: a server that has read it needn't read it again."""
    return "\n".join(message.content for message in messages[:2])


def _refuse_too_long(tokens: int, context_tokens: int) -> None:
    if tokens >= context_tokens:
        raise ContextOverflow(
            f"the prompt has about {tokens} tokens; the model's context is {context_tokens}",
            hint="ask with fewer passages (-k), or set [llm] n_ctx to what the server gives the model",
        )


def _read(endpoint: Endpoint, event: dict[str, Any]) -> Chunk:
    try:
        return Chunk.model_validate(event)
    except ValidationError:
        raise endpoint.telling.not_understood(str(event)) from None


def _said(body: dict[str, Any]) -> list[Message]:
    return [Message(said["role"], str(said["content"])) for said in body["messages"]]
