"""Removes documents so that nothing of their text is left in the database's files.

SQLite only marks deleted rows as free, and keeps older pages in its write-ahead log. So what is deleted is
overwritten with zeros (`secure_delete`), the database is written anew without free pages (VACUUM), which also
drops what earlier deletions left behind, and the log is emptied. Tombstones hold ids alone.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Engine, Select, select, update

from ragent.errors import StoreError
from ragent.store.conversations import forget_documents
from ragent.store.evals import erase_outcomes
from ragent.store.feedback import erase_feedback
from ragent.store.jobs import erase_jobs
from ragent.store.judgements import erase_judged
from ragent.store.rows import Batch, Collection
from ragent.store.runs import drop_tainted_runs
from ragent.store.tables import CollectionRow, DocumentRow, SpanRow
from ragent.store.writing import apply_batch

_PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.1

DERIVED_FROM = "derived_from"
"""In the metadata of a document that was made from another: the uri of that. They are forgotten together."""

_TEXTS_OF_TRACES = update(SpanRow).where(SpanRow.content.is_not(None)).values(content=None)
"""Any of them may retell a document."""


def erase_documents(writer: Engine, document_ids: Sequence[int]) -> None:
    """Remove documents of any collection, their traces, and all that may retell them.

    `writer` begins its transactions at once.

    Raises:
        StoreError: another process keeps the database busy. The documents are removed then, their traces not
            all: a second call goes on.
    """
    with writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
        connection.rollback()
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
        _rewrite(cast(sqlite3.Connection, connection.connection.driver_connection))


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


def _rewrite(driver: sqlite3.Connection) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            driver.execute("VACUUM")
            busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise StoreError(f"can't write the database anew: {error}", hint="check the disk") from error
            busy = True
        if not busy:
            return
        if time.monotonic() > deadline:
            raise StoreError(
                "another process is using this home, so deleted text may still be in its files",
                hint="stop other ragent processes, then run the same command again",
            )
        time.sleep(_POLL_SECONDS)
