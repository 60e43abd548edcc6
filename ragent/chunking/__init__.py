"""Chunking: documents into passages that fit the embedder."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ragent.chunking.by_sentence import SentenceChunker
from ragent.chunking.code import CodeChunker
from ragent.chunking.context import embedding_text
from ragent.chunking.fitting import Shape
from ragent.chunking.fixed import FixedChunker
from ragent.chunking.recursive import RecursiveChunker
from ragent.chunking.semantic import SemanticChunker
from ragent.chunking.sentences import split_sentences
from ragent.chunking.structure import StructureChunker
from ragent.config import ChunkingSettings
from ragent.protocols import Chunker, Embedder, Tokenizer

__all__ = [
    "CodeChunker",
    "FixedChunker",
    "RecursiveChunker",
    "SemanticChunker",
    "SentenceChunker",
    "Shape",
    "StructureChunker",
    "embedding_text",
    "make_chunker",
    "split_sentences",
]

_BY_RULE: Mapping[str, Callable[[Tokenizer, Shape], Chunker]] = {
    "structure": StructureChunker,
    "recursive": RecursiveChunker,
    "sentences": SentenceChunker,
    "fixed": FixedChunker,
    "code": CodeChunker,
}


def make_chunker(settings: ChunkingSettings, embedder: Embedder) -> Chunker:
    """The chunker that the settings name, counting as the embedder counts and never over its limit.

    Raises:
        ConfigError: `max_tokens` or `overlap` is impossible.
    """
    shape = Shape(
        max_tokens=min(settings.max_tokens or embedder.max_tokens, embedder.max_tokens),
        target_tokens=settings.target_tokens,
        overlap=settings.overlap,
        context=settings.context,
        file_path=settings.file_path,
    )
    if settings.method == "semantic":
        return SemanticChunker(embedder, shape)
    return _BY_RULE[settings.method](embedder.tokenizer, shape)
