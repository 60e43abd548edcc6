"""Keeps the verdicts of judges, and votes on answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from ragent.store.tables import JudgementRow, VoteRow


def find_judgement(connection: Connection, key: str) -> Any:
    """What was kept under a key, or None."""
    return connection.scalar(select(JudgementRow.verdict).where(JudgementRow.key == key))


def keep_judgement(connection: Connection, key: str, collection: str, verdict: Any) -> None:
    """Keep a verdict, over what was kept under that key."""
    connection.execute(delete(JudgementRow).where(JudgementRow.key == key))
    connection.execute(insert(JudgementRow).values(key=key, collection=collection, verdict=verdict))


def add_vote(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Keep a vote: its columns. Whether it is new: one that has the id of another is not kept."""
    if connection.scalar(select(VoteRow.id).where(VoteRow.id == values["id"])) is not None:
        return False
    connection.execute(insert(VoteRow).values(**values))
    return True


def votes_in(connection: Connection, arena: str) -> list[Row[Any]]:
    """The columns of an arena's votes, oldest first."""
    query = select(VoteRow.__table__).where(VoteRow.arena == arena)
    return list(connection.execute(query.order_by(VoteRow.created_at, VoteRow.id)))


def arenas(connection: Connection) -> list[str]:
    """The names of the arenas that have votes, the one with the newest vote first."""
    query = select(VoteRow.arena).order_by(VoteRow.created_at.desc(), VoteRow.id)
    return list(dict.fromkeys(connection.scalars(query)))


def erase_judged(connection: Connection, collections: Iterable[str]) -> None:
    """Remove the verdicts on what collections hold, or that name none; and the words of every vote.

    Who won stays: ratings need no words. An answer may retell a document of any collection.
    """
    among = JudgementRow.collection.in_([*collections, ""])
    connection.execute(delete(JudgementRow).where(among))
    connection.execute(update(VoteRow).values(question="", left_answer="", right_answer=""))
