"""Who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from ragent.errors import NotAllowed, NotThere

Role = Literal["reader", "editor", "admin"]
"""A reader asks; an editor also ingests and forgets; an admin also sees to people, and all collections."""

_RANKS: dict[str, int] = {"reader": 1, "editor": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks.

    Attributes:
        name: "" where nobody signs in: then there is only one.
        role: the most that they may do anywhere.
        collections: the only ones that a key opens; None: all that its owner may.
        most: what a key lets its owner be at most, in collections shared with them, too.
    """

    name: str
    role: Role
    collections: frozenset[str] | None = None
    most: Role = "admin"

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


ANYBODY = Caller("", "admin")
"""Whoever uses a home in which nobody signs in: it is their own machine."""


def role_in(caller: Caller, collection: str, grants: Mapping[str, str]) -> Role | None:
    """What somebody may be in a collection; None: they may not even know of it.

    Args:
        caller: who.
        collection: its name.
        grants: roles by person; empty where it is everybody's, each by their own role.
    """
    if caller.collections is not None and collection not in caller.collections:
        return None
    if caller.is_admin or not grants:
        return caller.role
    granted = grants.get(caller.name)
    if granted is None:
        return None
    return _lesser(granted, caller.role if caller.collections is not None else caller.most)


def require(have: Role | None, wanted: Role, collection: str) -> None:
    """Raises NotThere for a collection that they may not know of, NotAllowed where they are less."""
    if have is None:
        raise NotThere(f"there is no collection {collection!r}")
    require_role(have, wanted)


def require_role(have: Role, wanted: Role) -> None:
    """Raises NotAllowed unless one role is at least the other."""
    if _RANKS[have] < _RANKS[wanted]:
        raise NotAllowed(
            f"a {have} may not do this", hint=f"it takes the role {wanted}: ask whoever runs this"
        )


def role_of(text: str) -> Role:
    """A role by its name. Raises NotAllowed for a word that is none."""
    if text in _RANKS:
        return cast("Role", text)
    raise NotAllowed(f"{text!r} is no role", hint="reader, editor or admin")


def _lesser(one: str, other: str) -> Role:
    return role_of(one if _RANKS[one] <= _RANKS[other] else other)
