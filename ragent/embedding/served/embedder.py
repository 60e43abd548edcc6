"""An embedder whose model runs on servers: in batches, several under way, every vector checked."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock

import numpy as np

from ragent.config import EmbedderSettings
from ragent.embedding.served.aligning import Spans
from ragent.embedding.served.counting import ServedTokenizer, grouped, read_tokenizer
from ragent.embedding.served.servers import (
    TOKEN_COUNTERS,
    Model,
    Use,
    embed,
    identify,
    special_tokens,
    tokenize,
)
from ragent.embedding.served.vectors import unit_vectors
from ragent.embedding.tokens import FastTokenizer, embed_in_windows, refuse_long
from ragent.errors import ConfigError, EmbedderMismatch, ServerError
from ragent.protocols import Vectors
from ragent.served import Endpoint, Pool, PoolOptions, Retries, read_addresses
from ragent.types import Fingerprint

_LOG = logging.getLogger("ragent.embedding")
_PROBE = "The harbour office opens at seven, and the ferry leaves every second hour until dusk."
_BESIDE = "Tax law, paragraph 7."
_ALIKE = 0.999
_BYTES_A_REQUEST = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the model once its first server answered."""

    model: Model
    fingerprint: Fingerprint
    tokenizer: FastTokenizer | ServedTokenizer
    max_tokens: int


class ServedEmbedder:
    """`ragent.protocols.Embedder` over one server or several of the same model. Threads may share it.

    Nothing is connected before it is used. Each server is asked to embed a sentence when it is first used:
    one whose vector differs from that of the others has another model, and is refused.
    """

    def __init__(self, settings: EmbedderSettings, *, retries: Retries | None = None) -> None:
        """Prepare to ask the servers of the settings; see `open_served`."""
        options = PoolOptions(
            settings.seconds,
            retries or Retries(settings.attempts),
            settings.breaker_failures,
            settings.breaker_seconds,
        )
        self._settings = settings
        self._pool = Pool(read_addresses(settings.urls, "embedder"), options)
        unset = settings.model == EmbedderSettings.model_fields["model"].default
        self._wanted = "" if unset else settings.model
        self._lock = Lock()
        self._models: dict[str, Model] = {}
        self._probe: Vectors | None = None
        self._known: _Known | None = None

    def __reduce__(self) -> tuple[type[ServedEmbedder], tuple[EmbedderSettings]]:
        """What goes to another process, which connects by itself."""
        return ServedEmbedder, (self._settings,)

    @property
    def fingerprint(self) -> Fingerprint:
        """Of what the server tells of its model; where it is says nothing about it, and isn't part of it.

        Raises as `embed_documents` does.
        """
        return self._about.fingerprint

    @property
    def max_tokens(self) -> int:
        """Tokens of one text that the model reads beside the prefix, special tokens excluded."""
        return self._about.max_tokens

    @property
    def tokenizer(self) -> FastTokenizer | ServedTokenizer:
        """That of the settings, else the server's own."""
        return self._about.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), dimension), in order.

        Raises:
            ValueError: a text is longer than `max_tokens`.
            ConfigError: the server doesn't embed, or doesn't tell how it counts, or how long a text may be.
            EmbedderMismatch: servers have different models.
            ServerError: none can be reached, or what they answer is no use.
        """
        return self._embed(texts, self._settings.document_prefix, "document")

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), dimension). A query over `max_tokens` is averaged over windows."""
        prefix = self._settings.query_prefix
        return embed_in_windows(
            texts, self.tokenizer, self.max_tokens, lambda pieces: self._embed(pieces, prefix, "query")
        )

    def tokens(self, texts: Sequence[str]) -> list[Spans]:
        """Where the tokens of each text stand, as a server counts them."""

        def ask(endpoint: Endpoint) -> list[Spans]:
            try:
                return tokenize(endpoint, self._model_at(endpoint), texts)
            except (KeyError, TypeError, ValueError) as error:
                raise endpoint.telling.not_understood(f"tokens: {error!r}") from error

        return self._pool.ask(ask)

    def _embed(self, texts: Sequence[str], prefix: str, use: Use) -> Vectors:
        about = self._about
        full = [prefix + text for text in texts]
        own, *counts = about.tokenizer.count([prefix, *full])
        refuse_long([count - own for count in counts], about.max_tokens)
        most = min(self._settings.batch, about.model.most_texts or self._settings.batch)
        groups = grouped(full, most, _BYTES_A_REQUEST, _size)
        if not groups:
            return np.empty((0, about.fingerprint.dimension), dtype=np.float32)
        at_once = min(len(groups), self._settings.parallel * len(self._pool.endpoints))
        executor = ThreadPoolExecutor(at_once, "ragent-embedding")
        try:
            return np.concatenate(list(executor.map(partial(self._ask, use), groups)))
        finally:
            executor.shutdown(cancel_futures=True)

    def _ask(self, use: Use, texts: list[str]) -> Vectors:
        deadline = time.monotonic() + self._settings.timeout_s
        dimension = self._about.fingerprint.dimension

        def ask(endpoint: Endpoint) -> Vectors:
            model = self._model_at(endpoint)
            answers = [
                unit_vectors(endpoint, embed(endpoint, model, some, use, deadline), len(some), dimension)[0]
                for some in grouped(texts, model.most_texts or len(texts), _BYTES_A_REQUEST, _size)
            ]
            return np.concatenate(answers)

        return self._pool.ask(ask, deadline=deadline)

    @property
    def _about(self) -> _Known:
        known = self._known
        if known is None:
            known = self._learn()
            self._known = known
        return known

    def _learn(self) -> _Known:
        settings = self._settings
        model = self._pool.ask(self._model_at)
        if not settings.tokenizer and model.kind not in TOKEN_COUNTERS:
            raise ConfigError(
                "the server of [embedder] url can't count tokens",
                hint="set [embedder] tokenizer to the model's tokenizer.json",
            )
        most = settings.max_tokens or model.max_tokens
        if not most:
            raise ConfigError(
                "the server of [embedder] url doesn't tell how many tokens of a text its model reads",
                hint="set [embedder] max_tokens",
            )
        tokenizer: FastTokenizer | ServedTokenizer
        if settings.tokenizer:
            tokenizer = read_tokenizer(settings.tokenizer)
            around = tokenizer.special_tokens
        else:
            tokenizer = ServedTokenizer(self.tokens)
            around = self._pool.ask(lambda endpoint: special_tokens(endpoint, model))
        most -= 0 if model.fingerprint else around
        most -= max(tokenizer.count([settings.query_prefix, settings.document_prefix]))
        if most < 1:
            raise ConfigError("the prefixes leave no room for a text", hint="shorten [embedder] *_prefix")
        return _Known(model, self._fingerprint(model), tokenizer, most)

    def _fingerprint(self, model: Model) -> Fingerprint:
        settings = self._settings
        prefixes = settings.query_prefix, settings.document_prefix
        if model.fingerprint is not None:
            if any(prefixes):
                raise ConfigError(
                    "a ragent server puts prefixes before texts itself",
                    hint="set [embedder] query_prefix and document_prefix there, not here",
                )
            return model.fingerprint
        dimension = 0 if self._probe is None else len(self._probe)
        return Fingerprint(model.name, model.revision, model.pooling, *prefixes, dimension, normalized=True)

    def _model_at(self, endpoint: Endpoint) -> Model:
        """What a server has; it is asked once, and compared with the others.

        Raises:
            EmbedderMismatch: it isn't what they have.
        """
        if endpoint.url in self._models:
            return self._models[endpoint.url]
        model, probe = _probed(endpoint, identify(endpoint, self._wanted, self._settings.api))
        with self._lock:
            if self._probe is None:
                self._probe = probe
            # All of this is in the fingerprint, which must not depend on who answers first.
            told = {(one.name, one.revision, one.pooling) for one in [model, *self._models.values()]}
            if not _alike(probe, self._probe) or len(told) > 1:
                raise EmbedderMismatch(
                    f"the server at {endpoint.url} has another embedding model than the others",
                    hint="give all servers of [embedder] url the same model, under the same name",
                )
            return self._models.setdefault(endpoint.url, model)


def _probed(endpoint: Endpoint, model: Model) -> tuple[Model, Vectors]:
    """A model, and its vector of a sentence.

    Some servers mix up, or refuse, texts that come in one request (ollama#6187, llama-cpp-python#2051): if
    the sentence hasn't the same vector beside another as alone, texts are sent one by one.
    """
    answer = embed(endpoint, model, [_PROBE], "document")
    alone, is_mean = unit_vectors(endpoint, answer, 1)
    if is_mean:
        model = replace(model, pooling="mean")
    try:
        answer = embed(endpoint, model, [_BESIDE, _PROBE], "document")
        is_sound = _alike(alone[0], unit_vectors(endpoint, answer, 2)[0][1])
    except ServerError as error:
        if error.retryable and error.status < 500:
            raise
        is_sound = False
    if not is_sound:
        _LOG.warning("the server at %s mixes texts up: they are sent to it one by one", endpoint.url)
        model = replace(model, most_texts=1)
    return model, alone[0]


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _alike(one: Vectors, other: Vectors) -> bool:
    return one.shape == other.shape and float(one @ other) >= _ALIKE


def open_served(settings: EmbedderSettings) -> ServedEmbedder:
    """Prepare to use the model at `[embedder] url`. Nothing is connected yet.

    Args:
        settings: `model` is a name there; if it isn't set, the server's only model is meant. Keys come from
            the environment: `RAGENT_SECRET_<HOST>_API_KEY` or `RAGENT_SECRET_<HOST>`.

    Raises:
        ConfigError: there is no URL, or it is none, or holds a password.
    """
    return ServedEmbedder(settings)
