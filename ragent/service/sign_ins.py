"""Who has signed in to the chat page, and for how long: in memory only, so a restart ends it."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ragent.errors import NotSignedIn
from ragent.service.access import Caller
from ragent.service.people import People
from ragent.service.turns import Rate

_ATTEMPTS_OF_A_NAME = 10
_ATTEMPTS_OF_AN_ADDRESS = 30
_HANDING_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _SignIn:
    name: str
    stamp: str
    ends: float


class SignIns:
    """Signing in by name and password. What proves it later is a token, of which only the digest is kept."""

    def __init__(self, people: People, hours: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._people = people
        self._seconds = hours * 3600
        self._clock = clock
        self._names = Rate(_ATTEMPTS_OF_A_NAME, clock)
        self._addresses = Rate(_ATTEMPTS_OF_AN_ADDRESS, clock)
        self._begun: dict[str, _SignIn] = {}
        self._handed: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def begin(self, name: str, password: str, address: str) -> str:
        """The token of somebody who signs in.

        Raises:
            NotSignedIn: in the same words and time, whatever is wrong.
            TooMuch: this name, or this address, tried too often within a minute.
        """
        self._addresses.take(address)
        self._names.take(name)
        caller = self._people.sign_in(name, password)
        token = secrets.token_urlsafe(32)
        begun = _SignIn(caller.name, self._people.stamp(name), self._clock() + self._seconds)
        with self._lock:
            self._begun = {key: one for key, one in self._begun.items() if one.ends > self._clock()}
            self._begun[_digest(token)] = begun
        return token

    def caller(self, token: str) -> Caller:
        """Who that is, with the role that they have by now.

        Raises:
            NotSignedIn: the time is over, they signed out, aren't here any more, or changed their password.
        """
        with self._lock:
            begun = self._begun.get(_digest(token))
        if begun is None or begun.ends <= self._clock() or begun.stamp != self._people.stamp(begun.name):
            raise NotSignedIn("sign in first")
        return self._people.named(begun.name)

    def end(self, token: str) -> None:
        """Sign out."""
        with self._lock:
            self._begun.pop(_digest(token), None)

    def hand(self, token: str) -> str:
        """A word that the browser exchanges for its cookie once, within a minute."""
        word = secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            self._handed = {key: one for key, one in self._handed.items() if one[1] > now}
            self._handed[_digest(word)] = token, now + _HANDING_SECONDS
        return word

    def taken(self, word: str) -> str:
        """The token that was handed over. Raises NotSignedIn."""
        with self._lock:
            token, ends = self._handed.pop(_digest(word), ("", 0.0))
        if ends <= self._clock():
            raise NotSignedIn("sign in first")
        return token


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
