"""People and keys: who there is, who may sign in, and what opens a door."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import regex

from ragent.errors import ConfigError, NotSignedIn, NotThere
from ragent.service.access import ANYBODY, Caller, Role, role_of
from ragent.service.passwords import hashed, matches
from ragent.store import Store, people

_NAME = regex.compile(r"[\p{L}\p{N}][\p{L}\p{N}._@+\-]{0,99}")
_PREFIX = "rgt"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may use this home."""

    name: str
    role: Role
    disabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Key:
    """A program's key, without what is secret of it."""

    id: str
    name: str
    owner: str
    role: Role
    collections: tuple[str, ...] | None
    expires_at: datetime | None
    revoked: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class People:
    """The people of a home, and their keys."""

    store: Store

    def add(self, name: str, role: Role, password: str = "") -> None:
        """Let somebody in. Without a password they can't sign in by one: a proxy vouches for them.

        Raises:
            ConfigError: the name or the password won't do, or somebody has that name.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{name!r} can't be a name", hint="letters, digits and . _ @ + - , up to 100")
        values = {"name": name, "role": role_of(role), "password": hashed(password) if password else ""}
        with self.store.writing() as connection:
            if not people.add_person(connection, values):
                raise ConfigError(f"somebody is called {name!r} already", hint="ragent people list")

    def change(
        self, name: str, *, role: Role | None = None, password: str = "", disabled: bool | None = None
    ) -> None:
        """Change what is given. Raises NotThere, and ConfigError where no admin would be left."""
        values: dict[str, Any] = {"role": role and role_of(role), "disabled": disabled}
        values["password"] = hashed(password) if password else None
        set_to = {key: value for key, value in values.items() if value is not None}
        with self.store.writing() as connection:
            before = people.count_admins(connection)
            if set_to and not people.change_person(connection, name, set_to):
                raise NotThere(f"nobody is called {name!r}", hint="ragent people list")
            _keep_an_admin(before, people.count_admins(connection))

    def remove(self, name: str) -> None:
        """Let somebody in no longer; their conversations stay. Raises as `change` does."""
        with self.store.writing() as connection:
            before = people.count_admins(connection)
            if not people.drop_person(connection, name):
                raise NotThere(f"nobody is called {name!r}", hint="ragent people list")
            _keep_an_admin(before, people.count_admins(connection))

    def all(self) -> list[Person]:
        """Everybody, by name."""
        with self.store.reading() as connection:
            rows = people.list_people(connection)
        return [Person(row.name, role_of(row.role), row.disabled, row.created_at) for row in rows]

    def sign_in(self, name: str, password: str) -> Caller:
        """Who that is. Raises NotSignedIn, in the same words and time whatever is wrong."""
        with self.store.reading() as connection:
            row = people.find_person(connection, name)
        if not matches(password, row.password if row else "") or row is None or row.disabled:
            raise NotSignedIn("this name and password don't go together")
        return Caller(row.name, role_of(row.role))

    def named(self, name: str, newcomers: Role | None = None) -> Caller:
        """Who a proxy vouches for. Somebody new gets that role, if any. Raises NotSignedIn."""
        with self.store.reading() as connection:
            row = people.find_person(connection, name)
        if row is not None and not row.disabled:
            return Caller(row.name, role_of(row.role))
        if row is not None or newcomers is None or not _NAME.fullmatch(name):
            raise NotSignedIn("you are not among those who may use this")
        return Caller(name, newcomers)

    def stamp(self, name: str) -> str:
        """Changes with somebody's password, which it doesn't tell; "" for nobody."""
        with self.store.reading() as connection:
            row = people.find_person(connection, name)
        return _digest(row.password) if row else ""

    # -- keys -------------------------------------------------------------------------------------------

    def make_key(
        self,
        name: str,
        owner: str,
        role: Role,
        collections: Collection[str] | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """A new key, which is shown this once. Raises NotThere unless its owner is "" or somebody here."""
        id_, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        with self.store.writing() as connection:
            if owner and people.find_person(connection, owner) is None:
                raise NotThere(f"nobody is called {owner!r}", hint="ragent people list")
            people.add_key(
                connection,
                {
                    "id": id_,
                    "name": name,
                    "digest": _digest(secret),
                    "owner": owner,
                    "role": role_of(role),
                    "collections": None if collections is None else sorted(set(collections)),
                    "expires_at": expires_at,
                },
            )
        return f"{_PREFIX}_{id_}_{secret}"

    def by_key(self, key: str) -> Caller:
        """Whom a key speaks for. Raises NotSignedIn."""
        prefix, _, rest = key.partition("_")
        id_, _, secret = rest.partition("_")
        with self.store.reading() as connection:
            row = people.find_key(connection, id_)
            owner = people.find_person(connection, row.owner) if row and row.owner else None
        digest = row.digest if row else _digest("")
        right = hmac.compare_digest(_digest(secret), digest) and prefix == _PREFIX
        if not right or row is None or row.revoked or _is_over(row.expires_at):
            raise NotSignedIn("this key opens nothing", hint="ragent keys add makes one")
        if row.owner and (owner is None or owner.disabled):
            raise NotSignedIn("this key opens nothing", hint="whom it belongs to isn't here any more")
        most = role_of(owner.role) if owner else ANYBODY.role
        role = min(role_of(row.role), most, key=("reader", "editor", "admin").index)
        only = None if row.collections is None else frozenset(row.collections)
        return Caller(row.owner, role, only, role_of(row.role))

    def keys(self) -> list[Key]:
        """Every key, the newest first."""
        with self.store.reading() as connection:
            rows = people.list_keys(connection)
        return [
            Key(
                row.id,
                row.name,
                row.owner,
                role_of(row.role),
                None if row.collections is None else tuple(row.collections),
                row.expires_at,
                row.revoked,
                row.created_at,
            )
            for row in rows
        ]

    def revoke(self, id_: str) -> None:
        """Make a key worthless. Raises NotThere."""
        with self.store.writing() as connection:
            if not people.revoke_key(connection, id_):
                raise NotThere(f"there is no key {id_!r}", hint="ragent keys list")


def _keep_an_admin(before: int, after: int) -> None:
    if before and not after:
        raise ConfigError("nobody would be left who may do everything", hint="make another an admin first")


def _is_over(moment: datetime | None) -> bool:
    return moment is not None and moment.replace(tzinfo=UTC) <= datetime.now(UTC)


def _digest(secret: str) -> str:
    # A key has 256 random bits: nobody can guess it, so it needs no slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()
