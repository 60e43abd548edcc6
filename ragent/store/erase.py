"""Removes documents so that nothing of their text is left in the database's files.

SQLite only marks deleted rows as free, and keeps older pages in its write-ahead log. So what is deleted is
overwritten with zeros (`secure_delete`), the database is written anew without free pages (VACUUM), which also
drops what earlier deletions left behind, and the log is emptied. PostgreSQL's tables are written anew, too.
Tombstones hold ids alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, select, update

from ragent.store import postgresql, sqlite
from ragent.store.conversations import forget_documents
from ragent.store.database import Database
from ragent.store.evals import erase_outcomes
from ragent.store.feedback import erase_feedback
from ragent.store.jobs import erase_jobs
from ragent.store.judgements import erase_judged
from ragent.store.rows import Batch, Collection
from ragent.store.runs import drop_tainted_runs
from ragent.store.tables import CollectionRow, DocumentRow, SpanRow
from ragent.store.writing import apply_batch

DERIVED_FROM = "derived_from"
"""In the metadata of a document that was made from another: the uri of that. They are forgotten together."""

_TEXTS_OF_TRACES = update(SpanRow).where(SpanRow.content.is_not(None)).values(content=None)
"""Any of them may retell a document."""


def erase_documents(database: Database, document_ids: Sequence[int]) -> None:
    """Remove documents of any collection, their traces, and all that may retell them.

    Raises:
        StoreError: another process keeps the database busy. The documents are removed then, their traces not
            all: a second call goes on.
    """
    with database.writers().connect() as connection:
        if not database.is_postgresql:
            sqlite.overwrite_deleted(connection)
        with connection.begin():
            erase_outcomes(connection, document_ids)
            erase_feedback(connection, document_ids)
            erase_judged(connection, connection.scalars(_names(document_ids)).all())
            uris = select(DocumentRow.uri).where(DocumentRow.id.in_(document_ids))
            erase_jobs(connection, connection.scalars(uris).all())
            for document_id in document_ids:
                query = select(DocumentRow.collection_id).where(DocumentRow.id == document_id)
                collection_id = connection.scalar(query)
                if collection_id is not None:
                    collection = Collection(collection_id, "", 0, None, None)
                    apply_batch(connection, collection, Batch(removed=[document_id]))
            drop_tainted_runs(connection)
            forget_documents(connection, document_ids)
            connection.execute(_TEXTS_OF_TRACES)
        if not database.is_postgresql:
            sqlite.rewrite(connection)
            return
    postgresql.rewrite(database.engine)


def derived_documents(connection: Connection, uris: Iterable[str]) -> dict[int, str]:
    """By id, the uris of the documents, of all collections, that say they were made from one of these."""
    origin = DocumentRow.meta[DERIVED_FROM].as_string()
    rows = connection.execute(select(DocumentRow.id, DocumentRow.uri).where(origin.in_(list(uris))))
    return {row.id: row.uri for row in rows}


def _names(document_ids: Sequence[int]) -> Select[Any]:
    """Of the collections that hold documents."""
    held = DocumentRow.collection_id == CollectionRow.id
    return (
        select(CollectionRow.name).join(DocumentRow, held).where(DocumentRow.id.in_(document_ids)).distinct()
    )
