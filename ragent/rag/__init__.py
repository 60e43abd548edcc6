"""The façade: Rag."""

from ragent.rag.rag import Rag

__all__ = ["Rag"]
