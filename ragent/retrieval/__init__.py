"""Finds passages: derived indexes kept in step with the store, and hybrid search over them."""

from ragent.retrieval.check import check_indexes
from ragent.retrieval.context import Aids, SearchContext
from ragent.retrieval.expanding import Reach, expand
from ragent.retrieval.few_open import FewOpen
from ragent.retrieval.grouping import best_of_each_document
from ragent.retrieval.hybrid import HybridRetriever
from ragent.retrieval.indexes import Indexes, replaced_folders
from ragent.retrieval.opening import open_indexes
from ragent.retrieval.texts import rank_texts
from ragent.retrieval.trec import document_scores, read_queries, read_run, write_run, write_scores
from ragent.retrieval.views import CollectionIndexes

__all__ = [
    "Aids",
    "CollectionIndexes",
    "FewOpen",
    "HybridRetriever",
    "Indexes",
    "Reach",
    "SearchContext",
    "best_of_each_document",
    "check_indexes",
    "document_scores",
    "expand",
    "open_indexes",
    "rank_texts",
    "read_queries",
    "read_run",
    "replaced_folders",
    "write_run",
    "write_scores",
]
