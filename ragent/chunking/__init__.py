"""Chunking: documents into passages that fit the embedder."""

from ragent.chunking.context import embedding_text
from ragent.chunking.sentences import split_sentences
from ragent.chunking.structure import StructureChunker

__all__ = ["StructureChunker", "embedding_text", "split_sentences"]
