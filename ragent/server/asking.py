"""Who asks: nobody in particular, a person with a password, somebody whom a proxy vouches for, or a key."""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from ragent.errors import NotSignedIn, TooMuch
from ragent.service import Caller, Service, Session

_KEY_PREFIX = "rgt_"
_WINDOW_SECONDS = 60.0
_WRONG_OF_NAME, _WRONG_OF_ADDRESS = 10, 100
_REMEMBERED = 10_000
_CHECKED_AT_ONCE = 2


class Guesses:
    """Wrong passwords of late: after too many from one address, no more from there are even looked at.

    `checking` is held while one is looked at: each takes memory and time, on purpose.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[tuple[str, ...], list[float]] = OrderedDict()
        self._lock = threading.Lock()
        self.checking = threading.Semaphore(_CHECKED_AT_ONCE)

    def check(self, address: str, name: str) -> None:
        """Raises TooMuch where too many were wrong."""
        since = self._clock() - _WINDOW_SECONDS
        with self._lock:
            for key, most in (((address, name), _WRONG_OF_NAME), ((address,), _WRONG_OF_ADDRESS)):
                wrong = [then for then in self._wrong.get(key, ()) if then > since]
                if len(wrong) >= most:
                    wait = wrong[-most] - since
                    raise TooMuch("too many wrong passwords", hint="wait a minute", retry_after=wait)

    def note(self, address: str, name: str) -> None:
        """Count a wrong one."""
        now = self._clock()
        with self._lock:
            for key in ((address, name), (address,)):
                before = self._wrong.pop(key, [])
                self._wrong[key] = [*before, now][-_WRONG_OF_ADDRESS:]
            while len(self._wrong) > _REMEMBERED:
                self._wrong.popitem(last=False)


def asking(request: Request) -> Session:
    """Whoever sent a request, counted among the requests of theirs.

    Raises:
        NotSignedIn: it doesn't say, or it isn't true.
        TooMuch: they ask too often, or guess.
    """
    service: Service = request.app.state.service
    caller, counted_as = _caller(request, service)
    service.rate.take(counted_as)
    if caller is None:
        return service.anybody()
    return service.session(caller)


Asks = Annotated[Session, Depends(asking)]
"""The parameter of an endpoint that needs to know who asks."""


def home_of(request: Request) -> Service:
    """The home that is served."""
    service: Service = request.app.state.service
    return service


Home = Annotated[Service, Depends(home_of)]


def _caller(request: Request, service: Service) -> tuple[Caller | None, str]:
    settings = service.settings.server
    address = request.client.host if request.client else ""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    value = value.strip()
    # Where nobody signs in, OpenAI's clients still have to send some key: another than ours says nothing.
    if scheme.lower() == "bearer" and (value.startswith(_KEY_PREFIX) or settings.sign_in != "off"):
        return service.people.by_key(value), f"key {value.split('_')[1]}"
    if settings.sign_in == "off":
        return None, f"address {address}"
    if settings.sign_in == "header" and address in settings.proxies:
        names = request.headers.getlist(settings.user_header)
        if len(names) > 1:
            raise NotSignedIn(f"{settings.user_header} is there more than once", hint="see to the proxy")
        if names and names[0]:
            newcomers = None if settings.new_people == "refuse" else settings.new_people
            caller = service.people.named(names[0], newcomers)
            return caller, f"person {caller.name}"
    if settings.sign_in == "password" and scheme.lower() == "basic":
        caller = _by_password(value, address, service, request.app.state.guesses)
        return caller, f"person {caller.name}"
    raise NotSignedIn("sign in first", hint="send an API key as a bearer token: ragent keys add makes one")


def _by_password(value: str, address: str, service: Service, guesses: Guesses) -> Caller:
    try:
        name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        name = colon = password = ""
    if not colon:
        raise NotSignedIn("this is no name and password")
    with guesses.checking:
        guesses.check(address, name)
        try:
            return service.people.sign_in(name, password)
        except NotSignedIn:
            guesses.note(address, name)
            raise
