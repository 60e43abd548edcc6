"""Opens a collection's indexes, of the engine that the settings name."""

from __future__ import annotations

from ragent.config import IndexSettings
from ragent.errors import ConfigError
from ragent.retrieval.few_open import FewOpen
from ragent.retrieval.indexes import Indexes
from ragent.retrieval.views import CollectionIndexes
from ragent.store import Collection, Store


def open_indexes(
    store: Store, collection: Collection, settings: IndexSettings, few: FewOpen | None = None
) -> CollectionIndexes:
    """The indexes of a collection; nothing is read or made yet. `few`: see `Indexes`.

    Raises:
        StoreError: the collection has no vectors.
        ConfigError: the database is to search, and is one that can't.
    """
    if not searches_itself(store, settings):
        return Indexes(store, collection, settings, few)
    # Who has no PostgreSQL loads nothing of it.
    from ragent.retrieval.database.indexes import DatabaseIndexes

    return DatabaseIndexes(store, collection, settings)


def searches_itself(store: Store, settings: IndexSettings) -> bool:
    """Whether the database is what searches. Raises ConfigError where it is to, and can't."""
    if settings.engine == "database" and not store.database.is_postgresql:
        raise ConfigError(
            "[index] engine is database, but there is none that could search",
            hint="name a PostgreSQL database by [store] url, or set [index] engine to auto",
        )
    return store.database.is_postgresql and settings.engine != "files"
