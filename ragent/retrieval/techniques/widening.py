"""Finds by small passages, and gives back what stands around them: `ragent.retrieval.expanding` by name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ragent.protocols import Searcher
from ragent.retrieval.context import SearchContext
from ragent.retrieval.expanding import Reach, expand
from ragent.types import Query, SearchResult

_TOKENS = 400
_SENTENCES = 2


@dataclass(frozen=True, slots=True)
class Widening:
    """Hits, widened as far as `reach` allows; hits that then overlap become one."""

    context: SearchContext
    reach: Reach

    def search(self, searcher: Searcher, query: Query, k: int) -> SearchResult:
        """At most `k` passages."""
        found = searcher.search(query, k)
        hits = expand(self.context.store, found.hits, self.context.embedder.tokenizer, self.reach)
        return replace(found, hits=hits)


def sentence_window(context: SearchContext) -> Widening:
    """Each hit with `expand_sentences` sentences on each side (2 where that is 0)."""
    settings = context.settings
    sentences = settings.expand_sentences or _SENTENCES
    return Widening(context, Reach(settings.expand_tokens or _TOKENS, sentences))


def parent_document(context: SearchContext) -> Widening:
    """Each hit with what stands around it, `expand_tokens` in all (400 where that is 0)."""
    return Widening(context, Reach(context.settings.expand_tokens or _TOKENS))
