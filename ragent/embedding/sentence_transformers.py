"""Any embedding model that sentence-transformers can load, from a folder or from the local hub cache."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from ragent.config import EmbedderSettings
from ragent.embedding.content import content_hash
from ragent.embedding.tokens import FastTokenizer, embed_in_windows, refuse_long
from ragent.errors import ConfigError, ModelNotFound
from ragent.protocols import Vectors
from ragent.types import Fingerprint

_CONTENT = {".safetensors", ".bin", ".json", ".txt", ".model"}
_BATCH = 32


class SentenceTransformerEmbedder:
    """`ragent.protocols.Embedder` over a sentence-transformers model; vectors are normalised.

    A prefix of the settings wins over the model's own prompt for queries or documents.
    """

    def __init__(self, folder: Path, settings: EmbedderSettings) -> None:
        """Load the model in `folder`; see `open_sentence_transformer`."""
        self._folder = folder
        self._name = folder.name if Path(settings.model).expanduser().is_dir() else settings.model
        self._model = _load(folder, settings)
        self._query_prefix = settings.query_prefix or self._model.prompts.get("query", "")
        self._document_prefix = settings.document_prefix or self._model.prompts.get("document", "")
        if not getattr(self._model.tokenizer, "is_fast", False):
            raise ConfigError(f"{self._name} has no fast tokenizer", hint="it needs a tokenizer.json")
        self._tokenizer = FastTokenizer(self._model.tokenizer.backend_tokenizer.to_str())
        room = _window(self._model) - self._tokenizer.special_tokens
        self._max_tokens = room - max(self._tokenizer.count([self._query_prefix, self._document_prefix]))
        if self._max_tokens < 1:
            raise ConfigError("the prefixes leave no room for a text", hint="shorten [embedder] *_prefix")

    @property
    def max_tokens(self) -> int:
        """Tokens of one text that the model reads beside the prefix, special tokens excluded."""
        return self._max_tokens

    @property
    def tokenizer(self) -> FastTokenizer:
        return self._tokenizer

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """The revision is a hash of weights and configuration, so equal names don't hide unequal models."""
        files = [path for path in self._folder.rglob("*") if path.suffix in _CONTENT and path.is_file()]
        pooling = next((m.pooling_mode for m in self._model if hasattr(m, "pooling_mode")), "none")
        return Fingerprint(
            model=self._name,
            revision=content_hash(self._folder, files),
            pooling=str(pooling),
            query_prefix=self._query_prefix,
            document_prefix=self._document_prefix,
            dimension=self._dimension,
            normalized=True,
        )

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), dimension), in order.

        Raises:
            ValueError: a text is longer than `max_tokens`.
        """
        return self._embed(texts, self._document_prefix)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), dimension). A query over `max_tokens` is averaged over windows."""
        return embed_in_windows(
            texts, self._tokenizer, self._max_tokens, lambda pieces: self._embed(pieces, self._query_prefix)
        )

    def embed_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text, unit vectors of shape (its tokens, dimension), in order; no prefix is put before it.

        Raises:
            ValueError: a text is longer than `max_tokens`.
        """
        counts = self._tokenizer.count(texts)
        refuse_long(counts, self._max_tokens)
        first = self._tokenizer.tokens_before
        states = self._model.encode(
            list(texts),
            prompt="",
            batch_size=_BATCH,
            output_value="token_embeddings",
            convert_to_numpy=False,
            show_progress_bar=False,
        )
        return [
            torch.nn.functional.normalize(one[first : first + count].float(), dim=-1).cpu().numpy()
            for one, count in zip(states, counts, strict=True)
        ]

    @property
    def _dimension(self) -> int:
        return int(self._model.get_embedding_dimension())

    def _embed(self, texts: Sequence[str], prefix: str) -> Vectors:
        if not texts:
            return np.empty((0, self._dimension), dtype=np.float32)
        own, *counts = self._tokenizer.count([prefix, *(prefix + text for text in texts)])
        refuse_long([count - own for count in counts], self._max_tokens)
        vectors = self._model.encode(
            list(texts),
            # An empty prompt, unlike None, keeps the model's default prompt out.
            prompt=prefix,
            batch_size=_BATCH,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)


def open_sentence_transformer(settings: EmbedderSettings) -> SentenceTransformerEmbedder:
    """Open the folder that `settings.model` names, or the hub model of that name in the local cache.

    Nothing is downloaded, and no code that comes with a model is run.

    Raises:
        ModelNotFound: there is no such folder, and the hub model isn't in the cache.
        ConfigError: the folder holds no model that can be loaded, or the settings don't suit it.
    """
    folder = Path(settings.model).expanduser()
    if not folder.is_dir():
        folder = _cached(settings.model)
    return SentenceTransformerEmbedder(folder, settings)


def _cached(name: str) -> Path:
    full = name if "/" in name else f"sentence-transformers/{name}"
    try:
        return Path(snapshot_download(full, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError) as error:
        raise ModelNotFound(
            f"no embedding model {name!r}: neither a folder nor in the local hub cache",
            hint=f"give a sentence-transformers folder, or fetch the model once: hf download {full}",
        ) from error


def _load(folder: Path, settings: EmbedderSettings) -> SentenceTransformer:
    if settings.threads:
        torch.set_num_threads(settings.threads)
    transformers_logging.disable_progress_bar()
    try:
        return SentenceTransformer(
            str(folder),
            device=settings.device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": _dtype(settings.precision, settings.device)},
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"can't load an embedding model from {folder}: {error}") from error


def _dtype(precision: Literal["auto", "bf16", "fp32"], device: str) -> torch.dtype:
    fast = precision == "bf16" or (precision == "auto" and _has_bf16(device))
    return torch.bfloat16 if fast else torch.float32


def _has_bf16(device: str) -> bool:
    if device == "cpu":
        return bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    return device.startswith("cuda") and torch.cuda.is_bf16_supported()


def _window(model: SentenceTransformer) -> int:
    """Tokens that the model reads, special tokens included."""
    if model.max_seq_length:
        return int(model.max_seq_length)
    raise ConfigError(
        "the model doesn't say how many tokens it reads", hint="set max_seq_length in its folder"
    )
