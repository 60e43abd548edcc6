"""The façade: Rag."""

from ragent.rag.options import SearchArguments
from ragent.rag.rag import Rag

__all__ = ["Rag", "SearchArguments"]
