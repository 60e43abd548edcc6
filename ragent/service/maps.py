"""The maps of collections: computed beside everything else, and kept until the collection changes."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragent.errors import RagentError, StoreError
from ragent.store import Collection, Store

if TYPE_CHECKING:
    from ragent.corpus.topics.topics import Topics
    from ragent.service.session import Session

_LOG = logging.getLogger(__name__)
_KEPT = 8


@dataclass(slots=True)
class Map:
    """A map that is there, in the making, or failed: then `error` says why. Any thread may read it."""

    topics: Topics | None = None
    error: RagentError | None = None
    is_over: threading.Event = field(default_factory=threading.Event)


class Maps:
    """The maps of a process, by collection and generation; one is computed at a time."""

    def __init__(self) -> None:
        self._maps: OrderedDict[tuple[int, int], Map] = OrderedDict()
        self._lock = threading.Lock()
        self._working = threading.Lock()

    def of(self, session: Session, collection: str) -> Map:
        """The map of a collection as it is now; where it isn't there yet, somebody begins to draw it.

        Raises:
            NotThere: there is no such collection for them.
            StoreError: it is empty.
        """
        session.require(collection, "reader")
        found = session.service.store.find_collection(collection)
        if found is None:
            raise StoreError("the collection is empty", hint="add documents first")
        key = (found.id, session.service.store.generation(found.id))
        with self._lock:
            there = self._maps.get(key)
            if there is None:
                there = self._maps[key] = Map()
                work = (there, session.service.store, found)
                threading.Thread(target=self._draw, args=work, name="ragent-map", daemon=True).start()
                if len(self._maps) > _KEPT:
                    self._maps.popitem(last=False)
            self._maps.move_to_end(key)
            return there

    def _draw(self, there: Map, store: Store, collection: Collection) -> None:
        from ragent.corpus.topics.topics import find_topics

        try:
            with self._working:
                there.topics = find_topics(store, collection)
        except RagentError as error:
            there.error = error
        except Exception as error:
            _LOG.exception("a map")
            there.error = RagentError(f"{type(error).__name__}: {error}")
        there.is_over.set()
