"""What a search sees: both indexes of a collection as of one moment, whichever engine they are of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from ragent.filters import Filter
from ragent.index.fields import FieldCondition
from ragent.protocols import Ids, Vectors
from ragent.store import Passage

Side = Literal["dense", "keyword"]
BOTH: tuple[Side, Side] = ("dense", "keyword")


class DenseView(Protocol):
    """The nearest chunks; see `ragent.protocols.DenseIndex`."""

    @property
    def kind(self) -> str: ...

    @property
    def ids(self) -> Ids: ...

    @property
    def dead(self) -> Ids: ...

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """Ids and scores, each of shape (n, k), best first; id -1 where there are fewer than k."""

    def score(self, query: Vectors, ids: Ids) -> Vectors:
        """Scores, shape (n,), of the given ids for one query, shape (dimension,); NaN for unknown ids."""


class KeywordView(Protocol):
    """The chunks that share words with a query, by BM25; see `ragent.index.keyword`."""

    def __len__(self) -> int: ...

    def search(self, query: str, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """At most `k` ids with their scores, best first; with `among`, ascending, only of those chunks."""

    def score(self, query: str, ids: Ids) -> Vectors:
        """Scores, shape (n,), of the given ids; 0 for those that share no word with the query."""

    def matching(self, conditions: Iterable[FieldCondition]) -> Ids | None:
        """Ids, ascending, of the chunks that meet all these conditions; None for such of stop words alone."""

    def contributions(self, query: str, ids: Ids) -> dict[str, Vectors]:
        """What each word and quoted phrase of the query adds to the scores of some chunks, shape (n,)."""

    def words(self, text: str) -> frozenset[str]:
        """The distinct keywords of a text."""

    def rarities(self, query: str) -> dict[str, float]:
        """BM25's inverse document frequency of each keyword of a query."""

    def ceiling(self, query: str) -> float:
        """The score that no chunk can pass."""


class Bounds(Protocol):
    """What of a view may be found."""

    @property
    def plan(self) -> dict[str, Any]:
        """What the plan of a search says of it."""

    def nearest(self, view: View, vector: Vectors, k: int) -> tuple[Ids, Vectors]:
        """The `k` nearest chunks inside, or fewer, best first, with their cosines."""

    def matching(self, view: View, query: str, k: int) -> tuple[Ids, Vectors]:
        """At most `k` chunks inside that share a word with the query, best first, with their scores."""

    def within(self, ids: Ids) -> Ids:
        """Those of some chunks that are inside, ascending."""


class Moment(Protocol):
    """What an engine offers besides that has the store's own tables before it, as of the same moment."""

    def bounds(self, where: Filter | None, conditions: Sequence[FieldCondition]) -> Bounds | None:
        """What passes a filter and conditions on fields; None for everything."""

    def vectors(self, chunk_ids: Sequence[int]) -> Vectors:
        """The chunks' vectors, shape (n, dimension), NaN where a chunk is gone."""

    def passages(self, chunk_ids: Sequence[int]) -> dict[int, Passage]:
        """The chunks, by id; those that are gone are left out."""


@dataclass(frozen=True, slots=True)
class View:
    """Both indexes as of one generation of the store. Only to be used inside the `view` that gave it."""

    generation: int
    _dense: DenseView | None
    _keyword: KeywordView | None
    moment: Moment | None = None

    @property
    def has_keyword(self) -> bool:
        return self._keyword is not None

    @property
    def dense(self) -> DenseView:
        if self._dense is None:
            raise ValueError("the dense index was not asked for")
        return self._dense

    @property
    def keyword(self) -> KeywordView:
        if self._keyword is None:
            raise ValueError("the keyword index was not asked for")
        return self._keyword

    def dense_alone(self) -> View:
        """Without the keyword side."""
        return replace(self, _keyword=None)


def ignore(done: int, total: int) -> None:
    """Nobody is to be told."""


class CollectionIndexes(Protocol):
    """The indexes of one collection, of any engine. Safe for threads."""

    @property
    def folder(self) -> Path | None:
        """Where their files are; None where there are none."""

    def view(self, sides: Sequence[Side] = BOTH) -> AbstractContextManager[View]:
        """The indexes of those sides, at the store's newest commit; they don't change inside the block."""

    def refresh(
        self, on_progress: Callable[[int, int], None] = ignore, *, sides: Sequence[Side] = BOTH
    ) -> None:
        """Bring the indexes to the store's newest commit; `on_progress`: (done, total)."""

    def rebuild(self, on_progress: Callable[[int, int], None] = ignore) -> None:
        """Make the indexes anew from the store."""

    def purge(self) -> None:
        """See that nothing of what was removed is left in them."""

    def info(self) -> Mapping[str, Any]:
        """What `ragent index info` says. Brings nothing up to date."""
