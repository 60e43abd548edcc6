"""The graph of a collection in memory: who is in it, what is said of two of them, and what links any two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice, pairwise
from typing import Any

import networkx as nx
from sqlalchemy import Row

from ragent.errors import QueryError, StoreError
from ragent.index.names import normalise
from ragent.store import Collection, Store
from ragent.store import graph as rows

_TOGETHER = 1.5
"""What a step costs that no words name, at least; one that words name costs 1."""
_MOST_WAYS = 200
_LONGEST_NAME = 8
_FULL_NAME = 2


@dataclass(frozen=True, slots=True)
class Entity:
    """Someone or something, under the name it is mentioned by most, and all its `names`."""

    id: int
    key: str
    name: str
    kind: str
    names: tuple[str, ...]
    mentions: int


@dataclass(frozen=True, slots=True)
class Fact:
    """What the sentence `quote` says of two entities: characters `start` to `end` of a document.

    An empty `label`: the sentence only names both, which they have in common as `weight` tells, from 0 to 1.
    """

    source: Entity
    target: Entity
    label: str
    weight: float
    uri: str
    document_id: int
    page: int | None
    start: int
    end: int
    quote: str


Path = tuple[Fact, ...]
"""Steps from one entity to another. Each shares an entity with the next, at either end."""


class KnowledgeGraph:
    """A collection's entities and facts, all as of one moment."""

    def __init__(self, entities: Sequence[Entity], facts: Sequence[Fact]) -> None:
        self.entities = tuple(entities)
        self.facts = tuple(facts)
        self._by_key = {
            key: entity for entity in entities for key in {entity.key, *map(normalise, entity.names)}
        }
        self._steps = nx.Graph()
        for fact in facts:
            pair = fact.source.id, fact.target.id
            cost = 1.0 if fact.label else _TOGETHER + 1 - fact.weight
            known = self._steps.get_edge_data(*pair)
            if known is None or cost < known["cost"]:
                self._steps.add_edge(*pair, cost=cost, fact=fact)

    @classmethod
    def load(cls, store: Store, collection: Collection) -> KnowledgeGraph:
        """Read it from the home. Raises StoreError while it isn't built."""
        with store.reading() as connection:
            named = rows.names_of_entities(connection, collection.id)
            said = rows.relations_of(connection, collection.id)
        if not named:
            raise StoreError("this collection has no graph yet", hint="first: ragent graph build")
        entities, owner = _entities(named)
        facts = [_fact(row, entities[owner[row.source_id]], entities[owner[row.target_id]]) for row in said]
        return cls(list(entities.values()), [fact for fact in facts if fact.source is not fact.target])

    def find(self, name: str) -> Entity:
        """The entity of that name, or the most mentioned one whose name holds its words.

        Raises:
            QueryError: there is none.
        """
        key = normalise(name)
        if key in self._by_key:
            return self._by_key[key]
        words = set(key.split())
        partly = [entity for entity in self.entities if words and words <= set(entity.key.split())]
        if partly:
            return max(partly, key=lambda entity: (entity.mentions, -len(entity.key)))
        raise QueryError(
            f"the graph knows nothing called {name!r}", hint="ragent graph show lists what it knows"
        )

    def named_in(self, question: str) -> list[Entity]:
        """The entities that a question names, in its order, each once, by their longest names."""
        words = normalise(question).split()
        found: dict[int, Entity] = {}
        place = 0
        while place < len(words):
            for size in range(min(_LONGEST_NAME, len(words) - place), 0, -1):
                entity = self._by_key.get(" ".join(words[place : place + size]))
                if entity:
                    found.setdefault(entity.id, entity)
                    place += size - 1
                    break
            place += 1
        return list(found.values()) or self._partly_named(question)

    def facts_of(self, entity: Entity) -> list[Fact]:
        """What is said of an entity: first what words name, then what it stands with, the closest first."""
        own = [fact for fact in self.facts if entity in (fact.source, fact.target)]
        return sorted(own, key=lambda fact: (not fact.label, -fact.weight))

    def paths(self, source: Entity, target: Entity, count: int = 3, hops: int = 4) -> list[Path]:
        """The `count` cheapest ways between two entities of at most `hops` steps (Yen 1971), best first.

        A step that words name is cheaper than one between entities that only stand in one sentence.
        """
        if source == target or not all(entity.id in self._steps for entity in (source, target)):
            return []
        if not nx.has_path(self._steps, source.id, target.id):
            return []
        ways = nx.shortest_simple_paths(self._steps, source.id, target.id, weight="cost")
        short = (way for way in islice(ways, _MOST_WAYS) if len(way) <= hops + 1)
        return [tuple(self._facts_along(way)) for way in islice(short, count)]

    def _facts_along(self, way: Sequence[int]) -> Iterator[Fact]:
        for pair in pairwise(way):
            yield self._steps.edges[pair]["fact"]

    def _partly_named(self, question: str) -> list[Entity]:
        capitalised = [word for word in question.split() if word[:1].isupper()]
        found: dict[int, Entity] = {}
        for word in capitalised:
            try:
                entity = self.find(word)
            except QueryError:
                continue
            found.setdefault(entity.id, entity)
        return list(found.values())


def _fact(row: Row[Any], source: Entity, target: Entity) -> Fact:
    place = row.uri, row.document_id, row.page, row.start, row.end
    return Fact(source, target, row.label, row.weight, *place, row.quote)


def _entities(named: Sequence[Row[Any]]) -> tuple[dict[int, Entity], dict[int, int]]:
    """The entities by id, and for each id of the store that of the entity it is.

    `G. Vane` is Garrick Vane, if that is the only name of two words that it may stand for.
    """
    single: dict[int, Entity] = {}
    for id_, group in groupby(named, key=lambda row: int(row.id)):
        forms = list(group)
        names = tuple(dict.fromkeys(" ".join(row.name.split()) for row in forms))
        mentions = sum(row.times for row in forms)
        single[id_] = Entity(id_, forms[0].key, names[0], forms[0].kind, names, mentions)
    full = {entity.key: entity for entity in single.values() if len(entity.key.split()) == _FULL_NAME}
    owner = {id_: _spelled_out(entity, full) for id_, entity in single.items()}
    merged = {id_: entity for id_, entity in single.items() if owner[id_] == id_}
    for id_, entity in single.items():
        if owner[id_] != id_:
            merged[owner[id_]] = _joined(merged[owner[id_]], entity)
    return merged, owner


def _spelled_out(entity: Entity, full: Mapping[str, Entity]) -> int:
    words = entity.key.split()
    if len(words) != _FULL_NAME or len(words[0]) != 1:
        return entity.id
    meant = [one for key, one in full.items() if _is_short_for(words, key.split())]
    return meant[0].id if len(meant) == 1 else entity.id


def _is_short_for(words: Sequence[str], full: Sequence[str]) -> bool:
    return len(full[0]) > 1 and full[0].startswith(words[0]) and full[1] == words[1]


def _joined(entity: Entity, other: Entity) -> Entity:
    names, mentions = (*entity.names, *other.names), entity.mentions + other.mentions
    return replace(entity, kind=entity.kind or other.kind, names=names, mentions=mentions)
