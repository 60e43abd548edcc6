"""Reads and writes people, their keys, and what they may do with collections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ragent.store.people_tables import GrantRow, KeyRow, PersonRow

_NOBODY = " "  # holds what belonged to somebody who is gone: no person's name, so admins alone see to it


def add_person(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Keep somebody new; whether nobody had that name."""
    if find_person(connection, values["name"]) is not None:
        return False
    connection.execute(insert(PersonRow).values(**values))
    return True


def find_person(connection: Connection, name: str) -> Row[Any] | None:
    """Somebody's columns, or None."""
    return connection.execute(select(PersonRow.__table__).where(PersonRow.name == name)).one_or_none()


def list_people(connection: Connection) -> list[Row[Any]]:
    """Everybody's columns, by name."""
    return list(connection.execute(select(PersonRow.__table__).order_by(PersonRow.name)))


def change_person(connection: Connection, name: str, values: Mapping[str, Any]) -> bool:
    """Set somebody's columns; whether there is such a person."""
    return connection.execute(update(PersonRow).where(PersonRow.name == name).values(**values)).rowcount == 1


def drop_person(connection: Connection, name: str) -> bool:
    """Remove somebody, with their keys and grants; whether there was such a person.

    A collection that was theirs alone becomes nobody's, not everybody's.
    """
    connection.execute(delete(KeyRow).where(KeyRow.owner == name))
    theirs = select(GrantRow.collection).where(GrantRow.person == name)
    for collection in list(connection.scalars(theirs)):
        if grants_of(connection, collection).keys() == {name}:
            set_grant(connection, collection, _NOBODY, "admin")
    connection.execute(delete(GrantRow).where(GrantRow.person == name))
    return connection.execute(delete(PersonRow).where(PersonRow.name == name)).rowcount == 1


def count_admins(connection: Connection) -> int:
    """How many people may do everything."""
    can = (PersonRow.role == "admin") & ~PersonRow.disabled
    return int(connection.scalar(select(func.count()).where(can)) or 0)


def grants_of(connection: Connection, collection: str) -> dict[str, str]:
    """Roles by person; empty where the collection is everybody's."""
    query = select(GrantRow.person, GrantRow.role).where(GrantRow.collection == collection)
    return {row.person: row.role for row in connection.execute(query)}


def set_grant(connection: Connection, collection: str, person: str, role: str | None) -> None:
    """Give somebody a role in a collection, or none."""
    same = (GrantRow.collection == collection) & (GrantRow.person == person)
    connection.execute(delete(GrantRow).where(same))
    if role is not None:
        connection.execute(insert(GrantRow).values(collection=collection, person=person, role=role))


def drop_grants(connection: Connection, collection: str) -> None:
    """Make a collection everybody's."""
    connection.execute(delete(GrantRow).where(GrantRow.collection == collection))


def all_grants(connection: Connection) -> dict[str, dict[str, str]]:
    """Roles by person, of each collection that isn't everybody's, those that hold nothing yet included."""
    found: dict[str, dict[str, str]] = {}
    for row in connection.execute(select(GrantRow.collection, GrantRow.person, GrantRow.role)):
        found.setdefault(row.collection, {})[row.person] = row.role
    return found


def add_key(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a new key: its columns."""
    connection.execute(insert(KeyRow).values(**values))


def find_key(connection: Connection, id_: str) -> Row[Any] | None:
    """A key's columns, or None."""
    return connection.execute(select(KeyRow.__table__).where(KeyRow.id == id_)).one_or_none()


def list_keys(connection: Connection) -> list[Row[Any]]:
    """The columns of all keys, the newest first."""
    return list(connection.execute(select(KeyRow.__table__).order_by(KeyRow.created_at.desc(), KeyRow.id)))


def revoke_key(connection: Connection, id_: str) -> bool:
    """Make a key worthless; whether there is such a key."""
    return connection.execute(update(KeyRow).where(KeyRow.id == id_).values(revoked=True)).rowcount == 1
