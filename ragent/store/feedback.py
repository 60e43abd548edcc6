"""Keeps what people thought of answers, and erases what may retell a forgotten document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from ragent.store.proof import SHORTEST, distinctive
from ragent.store.tables import CollectionRow, DocumentRow, FeedbackRow


def add_feedback(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep what somebody thought: its columns.

    `answer` holds `read`, the uris of all documents that the answer was made from, so that forgetting one of
    them finds it, and `understood`, the question as it was put in the light of a conversation, if it was.
    """
    connection.execute(insert(FeedbackRow).values(**values))


def list_feedback(
    connection: Connection, collection: str, ratings: Sequence[int] = (), since: datetime | None = None
) -> list[Row[Any]]:
    """The columns of the feedback on a collection's answers, newest first; of some ratings, if any."""
    query = select(FeedbackRow.__table__).where(FeedbackRow.collection == collection)
    if ratings:
        query = query.where(FeedbackRow.rating.in_(ratings))
    if since:
        query = query.where(FeedbackRow.created_at >= since)
    return list(connection.execute(query.order_by(FeedbackRow.created_at.desc(), FeedbackRow.id)))


def drop_feedback(connection: Connection, feedback_id: str) -> bool:
    """Remove one. Whether it was there."""
    return connection.execute(delete(FeedbackRow).where(FeedbackRow.id == feedback_id)).rowcount == 1


def erase_feedback(connection: Connection, document_ids: Sequence[int]) -> None:
    """Remove all feedback that may hold words of documents, of any collection.

    To be called while they are still there. It may if the answer was made from one of them, or if any of its
    texts holds a stretch of one; and, among the feedback on their collection, if the question is from a
    conversation, or nothing tells what an answer was made from.
    """
    query = (
        select(DocumentRow.uri, DocumentRow.title, DocumentRow.text, CollectionRow.name)
        .join(CollectionRow, CollectionRow.id == DocumentRow.collection_id)
        .where(DocumentRow.id.in_(document_ids))
    )
    documents = connection.execute(query).all()
    uris = {row.uri for row in documents}
    collections = {row.name for row in documents}
    parts = (part for row in documents for part in (row.uri, row.title, *distinctive(row.text)))
    stretches = {part for part in parts if len(part) >= SHORTEST}
    for row in connection.execute(select(FeedbackRow.__table__)).all():
        answer = row.answer
        texts = [row.question, row.comment, row.correction, *_texts(answer)]
        is_unsure = answer.get("understood") or not (answer.get("read") or answer.get("abstained"))
        if (
            uris.intersection(answer.get("read", ()))
            or any(stretch in text for stretch in stretches for text in texts)
            or (is_unsure and row.collection in collections)
        ):
            drop_feedback(connection, row.id)


def _texts(answer: Mapping[str, Any]) -> Iterator[str]:
    for value in answer.values():
        if isinstance(value, str):
            yield value
