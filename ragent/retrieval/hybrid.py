"""Hybrid search: nearest vectors and matching words, their scores fused, and what is done with the result."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ragent import registry
from ragent.config import RetrievalSettings
from ragent.errors import QueryError
from ragent.index.fields import FieldCondition, conditions_of
from ragent.protocols import Embedder, Reranker, Searcher, Technique, Vectors
from ragent.retrieval import tracing
from ragent.retrieval.affinity import with_affinity
from ragent.retrieval.candidates import Candidates, Finder
from ragent.retrieval.clock import Clock
from ragent.retrieval.context import Aids, SearchContext
from ragent.retrieval.expanding import Reach, expand
from ragent.retrieval.explaining import explained
from ragent.retrieval.grouping import deep_enough, one_of_each_document
from ragent.retrieval.planner import Planner
from ragent.retrieval.relevance import best_coverage, relevance
from ragent.retrieval.rerank.chain import noted, rerank_in_turn
from ragent.retrieval.views import BOTH, CollectionIndexes, Side, View
from ragent.store import Collection, Passage, Store
from ragent.trace import embeddings
from ragent.types import Hit, Metadata, Query, SearchMode, SearchOptions, SearchResult

_SIDES: dict[SearchMode, tuple[Side, ...]] = {
    "hybrid": BOTH,
    "dense": ("dense",),
    "keyword": ("keyword",),
}

_LOOKED_AT = 10
"""How many of the first hits tell whether anything found is relevant."""

_DEFAULT = SearchOptions()
_NO_AIDS = Aids()


@dataclass(frozen=True, slots=True)
class _Task:
    """A search with nothing left open: its options as asked for or, failing that, as the settings say."""

    mode: SearchMode
    rerankers: Mapping[str, Reranker]
    techniques: Mapping[str, Technique]
    options: SearchOptions
    conditions: tuple[FieldCondition, ...] = ()


class HybridRetriever:
    """Searches one collection. Safe to share between threads as far as the embedder is."""

    def __init__(
        self,
        store: Store,
        collection: Collection,
        indexes: CollectionIndexes,
        embedder: Embedder,
        settings: RetrievalSettings,
        aids: Aids = _NO_AIDS,
    ) -> None:
        """`aids` are for rerankers and techniques."""
        self._store = store
        self._collection = collection
        self._indexes = indexes
        self._embedder = embedder
        self._settings = settings
        self._aids = aids
        self._planner = Planner(store, collection)
        self._made: dict[tuple[str, str], Any] = {}

    def search(self, query: str, k: int, options: SearchOptions = _DEFAULT) -> SearchResult:
        """The `k` best chunks, or fewer where there are fewer.

        Raises:
            QueryError: the query is empty, k is less than 1, or the filter is impossible.
            ConfigError: no reranker or technique has that name.
        """
        return self.search_many([query], k, options)[0]

    def search_many(
        self, queries: Sequence[str], k: int, options: SearchOptions = _DEFAULT
    ) -> list[SearchResult]:
        """Like `search`, for many queries, embedded together. In their plans, `embed` is a query's share."""
        with tracing.retrieval(self._collection.name, queries, k) as told:
            results = self._search_all(queries, k, options)
            tracing.note(told, results)
        return results

    def _search_all(self, queries: Sequence[str], k: int, options: SearchOptions) -> list[SearchResult]:
        parted = [conditions_of(query) for query in queries]
        texts = [text for text, _ in parted]
        for text in texts:
            _check(text, k)
        task = self._task(options)
        clock = Clock()
        vectors: Vectors | None = None
        if queries and task.mode != "keyword" and not task.techniques:
            with clock.step("embed"):
                vectors = self._embed_queries(texts)
        share = {name: round(spent / len(queries), 3) for name, spent in clock.spent.items()}
        results = []
        for i, (text, conditions) in enumerate(parted):
            query = Query(text, vector=None if vectors is None else vectors[i])
            found = self._search(query, k, replace(task, conditions=conditions), Clock(dict(share)))
            results.append(replace(found, query=queries[i]))
        return results

    def rerank(self, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """Hits from anywhere in the order of the rerankers that the settings name. Raises as `search` does.

        Of what isn't in the collection there are no vectors: `mmr` and `dpp` leave its order.
        """
        return rerank_in_turn(self._task(_DEFAULT).rerankers, query, hits, self._aids.rerank)[0]

    def _task(self, options: SearchOptions) -> _Task:
        names = self._settings.rerank if options.rerank is None else options.rerank
        ways = self._settings.technique if options.technique is None else options.technique
        return _Task(
            mode=options.mode or self._settings.mode,
            rerankers={name: self._part("ragent.rerankers", name) for name in names},
            techniques={name: self._part("ragent.techniques", name) for name in ways},
            options=options,
        )

    def _part(self, group: registry.Group, name: str) -> Any:
        if (group, name) not in self._made:
            self._made[group, name] = registry.load(group, name)(self._context())
        return self._made[group, name]

    def _context(self) -> SearchContext:
        return SearchContext(
            settings=self._settings,
            embedder=self._embedder,
            rerank=self._aids.rerank,
            open_llm=self._aids.open_llm,
            rarities=self.rarities,
            vectors=self.vectors,
            store=self._store,
            collection=self._collection,
        )

    def rarities(self, text: str) -> Mapping[str, float]:
        """BM25's inverse document frequency of each keyword of a text, by its stem."""
        with self._indexes.view(("keyword",)) as view:
            return view.keyword.rarities(text)

    def vectors(self, chunk_ids: Sequence[int]) -> Vectors:
        """The chunks' vectors, shape (n, dimension), NaN where a chunk is gone."""
        return self._store.chunk_vectors(self._collection, chunk_ids)

    # -- the steps of a search --------------------------------------------------------------------------

    def _search(self, query: Query, k: int, task: _Task, clock: Clock) -> SearchResult:
        wanted = max(k, self._settings.rerank_depth) if task.rerankers else k
        retrieve = functools.partial(self._retrieve, query, task, clock)
        groups_hits = task.options.by_document and task.techniques
        found = deep_enough(retrieve, wanted) if groups_hits else retrieve(wanted)
        hits, account = rerank_in_turn(task.rerankers, query.text, found.hits, self._aids.rerank)
        hits = hits[:k]
        if self._settings.expand_tokens:
            with clock.step("expand"):
                reach = Reach(self._settings.expand_tokens, self._settings.expand_sentences or None)
                hits = expand(self._store, hits, self._embedder.tokenizer, reach)
        ran = {"rerank": account} if account else {}
        return replace(found, hits=hits, plan={**found.plan, **ran, "milliseconds": clock.spent})

    def _retrieve(self, query: Query, task: _Task, clock: Clock, k: int) -> SearchResult:
        if not task.techniques:
            return self._find(query, k, task, clock)
        searcher: Searcher = _Bound(self, task)
        for name, technique in reversed(list(task.techniques.items())):
            searcher = _Through(name, technique, searcher)
        with clock.step("technique"):
            found = searcher.search(query, k)
        return replace(found, plan={"technique": list(task.techniques), **found.plan})

    def _find(self, query: Query, k: int, task: _Task, clock: Clock) -> SearchResult:
        vector = None
        if task.mode != "keyword":
            with clock.step("embed"):
                vector = self._embed(query)
        with self._finder(task, clock) as finder:
            found = self._candidates(finder, query, vector, k, task)
            with clock.step("fetch"):
                hits = self._fetch(finder.view, found, k)
                signs = _signs(finder.view, query.text, found, hits)
            if task.options.explain or task.techniques:
                with clock.step("explain"):
                    hits = explained(hits, found, query.text, finder.view if task.options.explain else None)
            plan = {
                "mode": task.mode,
                "generation": finder.view.generation,
                **({} if finder.scope is None else {"filter": finder.scope.plan}),
                "candidates": found.counts,
                **({} if task.mode == "keyword" else {"kind": finder.view.dense.kind}),
                **found.method,
                **signs,
                "milliseconds": clock.spent,
            }
        return SearchResult(query.text, hits, plan, relevance(**signs) if signs else None)

    def _candidates(
        self, finder: Finder, query: Query, vector: Vectors | None, k: int, task: _Task
    ) -> Candidates:
        """At least `k`, where there are so many; of as many documents, if it is to be one of each."""

        def find(depth: int) -> Candidates:
            found = finder.find(query, vector, depth)
            if found.method.get("fusion") != "convex" or task.techniques:
                return found
            with finder.clock.step("affinity"):
                vectors = self.vectors if finder.view.moment is None else finder.view.moment.vectors
                return with_affinity(found, vectors, finder.view.dense, self._settings.affinity)

        depth = max(k, self._settings.candidates)
        if not task.options.by_document or task.techniques:
            return find(depth)
        return one_of_each_document(find, self._store.documents_of, k, depth)

    @contextmanager
    def _finder(self, task: _Task, clock: Clock) -> Iterator[Finder]:
        """What finds, in step with the store, within the filter and the query's conditions on fields."""
        sides = BOTH if task.conditions else _SIDES[task.mode]
        with ExitStack() as held:
            with clock.step("refresh"):
                view = held.enter_context(self._indexes.view(sides))
            scope = None
            if task.options.where is not None or task.conditions:
                with clock.step("filter"):
                    scope = self._planner.scope(task.options.where, view, task.conditions)
            if task.mode == "dense":
                view = view.dense_alone()
            yield Finder(view, self._settings, scope, clock)

    def _score(self, query: Query, chunk_ids: Sequence[int], task: _Task) -> tuple[Hit, ...]:
        """What `_find` would say of these chunks."""
        if not chunk_ids:
            return ()
        vector = None if task.mode == "keyword" else self._embed(query)
        ids = np.array(sorted(set(chunk_ids)), np.int64)
        with self._finder(task, Clock()) as finder:
            found = finder.score(query, vector, ids)
            hits = self._fetch(finder.view, found, len(ids))
        return explained(hits, found, query.text, None)

    def _embed(self, query: Query) -> Vectors:
        if query.vector is not None:
            return query.vector
        if not query.meanings:
            vector: Vectors = self._embed_queries([query.text])[0]
            return vector
        vectors = self._embedder.embed_documents(list(query.meanings))
        mean: Vectors = np.mean(vectors, axis=0, dtype=np.float32)
        if self._embedder.fingerprint.normalized:
            mean /= np.linalg.norm(mean)
        return mean

    def _embed_queries(self, texts: Sequence[str]) -> Vectors:
        with embeddings(self._embedder.fingerprint.model, len(texts)):
            return self._embedder.embed_queries(texts)

    def _fetch(self, view: View, found: Candidates, k: int) -> tuple[Hit, ...]:
        """The first k candidates that the store still knows: it may have lost some since the view."""
        hits: list[Hit] = []
        for first in range(0, len(found.ids), k):
            some = found.ids[first : first + k].tolist()
            known = self._passages(view, some)
            for place, id_ in enumerate(some, first):
                if id_ in known and len(hits) < k:
                    hits.append(_hit(len(hits) + 1, float(found.scores[place]), known[id_]))
            if len(hits) == k:
                break
        return tuple(hits)

    def _passages(self, view: View, chunk_ids: Sequence[int]) -> dict[int, Passage]:
        if view.moment is not None:
            return view.moment.passages(chunk_ids)
        return self._store.passages(self._collection.id, chunk_ids)


@dataclass(frozen=True, slots=True)
class _Bound:
    """The retriever under the options of one search, as a technique sees it."""

    retriever: HybridRetriever
    task: _Task
    embedded: dict[tuple[str, tuple[str, ...]], Vectors] = field(default_factory=dict)

    def search(self, query: Query, k: int) -> SearchResult:
        """The `k` best chunks, before any reranking."""
        _check(query.text, k)
        return self.retriever._find(self._with_vector(query), k, self.task, Clock())

    def score(self, query: Query, chunk_ids: Sequence[int]) -> tuple[Hit, ...]:
        """Those of these chunks that may be found, best first, scored as `search` scores."""
        return self.retriever._score(self._with_vector(query), chunk_ids, self.task)

    def rarities(self, text: str) -> Mapping[str, float]:
        """BM25's inverse document frequency of each keyword of a text, by its stem."""
        return self.retriever.rarities(text)

    def vectors(self, chunk_ids: Sequence[int]) -> Vectors:
        """The chunks' vectors, shape (n, dimension), NaN where a chunk is gone."""
        return self.retriever.vectors(chunk_ids)

    def vector(self, query: Query) -> Vectors | None:
        """What the dense side looks for: a technique comes back to one query, which is embedded once."""
        if query.vector is not None or self.task.mode == "keyword":
            return query.vector
        key = (query.text, query.meanings)
        if key not in self.embedded:
            self.embedded[key] = self.retriever._embed(query)
        return self.embedded[key]

    def _with_vector(self, query: Query) -> Query:
        return replace(query, vector=self.vector(query))


@dataclass(frozen=True, slots=True)
class _Through:
    """What one technique searches with, where that is another technique."""

    name: str
    technique: Technique
    searcher: Searcher

    def search(self, query: Query, k: int) -> SearchResult:
        """The `k` best chunks, in the technique's way."""
        found = self.technique.search(self.searcher, query, k)
        return replace(found, hits=tuple(noted(hit, self.name) for hit in found.hits))

    def score(self, query: Query, chunk_ids: Sequence[int]) -> tuple[Hit, ...]:
        """As without the technique, which searches but doesn't score."""
        return self.searcher.score(query, chunk_ids)

    def vector(self, query: Query) -> Vectors | None:
        """What the dense side looks for, shape (dimension,); None where it doesn't search."""
        return self.searcher.vector(query)

    def rarities(self, text: str) -> Mapping[str, float]:
        """BM25's inverse document frequency of each keyword of a text, by its stem."""
        return self.searcher.rarities(text)

    def vectors(self, chunk_ids: Sequence[int]) -> Vectors:
        """The chunks' vectors, shape (n, dimension), NaN where a chunk is gone."""
        return self.searcher.vectors(chunk_ids)


def _signs(view: View, query: str, found: Candidates, hits: Sequence[Hit]) -> dict[str, float]:
    """What the relevance is judged by; nothing where one side alone searched."""
    if found.nearest is None:
        return {}
    texts = [f"{hit.context}\n{hit.text}" for hit in hits[:_LOOKED_AT]]
    return {"cosine": found.nearest, "coverage": best_coverage(view.keyword, query, texts)}


def _hit(rank: int, score: float, passage: Passage) -> Hit:
    return Hit(
        rank=rank,
        score=score,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        uri=passage.uri,
        title=passage.title,
        page=passage.page,
        start=passage.start,
        end=passage.end,
        text=passage.text,
        context=passage.context,
        metadata=_of_passage(passage.metadata, passage.text),
    )


def _of_passage(metadata: Metadata, text: str) -> Metadata:
    """A document's metadata; of a page's links those whose words stand in the passage."""
    links = metadata.get("links")
    if not isinstance(links, list) or not all(isinstance(link, dict) and "text" in link for link in links):
        return metadata
    words = " ".join(text.split())
    return {**metadata, "links": [link for link in links if str(link["text"]) in words]}


def _check(query: str, k: int) -> None:
    if k < 1:
        raise QueryError(f"k is {k}: that would find nothing", hint="k counts results, from 1")
    if not query.strip():
        raise QueryError("the query is empty", hint="say in words what to look for")
    if not query.isprintable() and any(0xD800 <= ord(c) <= 0xDFFF for c in query):
        raise QueryError("the query holds half of a surrogate pair", hint="type it anew, as UTF-8")
