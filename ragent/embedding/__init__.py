"""Texts to vectors: the bundled MiniLM on OpenVINO, any model of sentence-transformers, and served ones."""

from __future__ import annotations

from typing import Final

from ragent.config import EmbedderSettings
from ragent.protocols import Embedder
from ragent.registry import load, names

__all__ = ["open_embedder"]

_GROUP: Final = "ragent.embedders"


def open_embedder(settings: EmbedderSettings) -> Embedder:
    """Open the embedder that `settings.model` names, here or, if there is a `settings.url`, on that server.

    A registered name (entry point group `ragent.embedders`) wins; anything else is the folder or the hub
    name of a sentence-transformers model.

    Raises:
        ConfigError: a setting is impossible for this model or this machine.
        MissingExtraError: a package that the embedder needs is not installed.
        ModelNotFound: the model isn't on this machine.
    """
    name = settings.model if settings.model in names(_GROUP) else "sentence-transformers"
    if settings.urls:
        name = "served"
    embedder: Embedder = load(_GROUP, name)(settings)
    return embedder
