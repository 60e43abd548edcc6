"""Several servers of one model: which is asked, when another is, and when none any more."""

from __future__ import annotations

import math
import random
import time
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar, cast

import xxhash

from ragent.errors import LLMError, ServerError
from ragent.served.address import Address
from ragent.served.breaker import Breaker
from ragent.served.endpoint import Endpoint
from ragent.served.retries import Retries

T = TypeVar("T")
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """How servers are asked.

    Attributes:
        seconds: how long one may be silent.
        retries: for what may pass; each server is tried once at least.
        breaker_failures: after so many in a row a server is left alone.
        breaker_seconds: for so long.
    """

    seconds: float = 120.0
    retries: Retries = field(default_factory=Retries)
    breaker_failures: int = 5
    breaker_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Chances:
    """The time, waiting, and chance (evenly from 0 to 1): a test brings its own."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random


@dataclass(slots=True, eq=False)
class _Place:
    """A server, and how it is doing: requests under way, and until when it wants to be left alone."""

    endpoint: Endpoint
    breaker: Breaker
    under_way: int = 0
    rests_until: float = field(default=-math.inf)


class Pool:
    """Servers of one model. Threads may share it.

    The server with the fewest requests under way is asked; among equals the one that a conversation went to
    before, since it has read its beginning already, or any. What fails is tried again elsewhere at once, and
    where all have failed after a wait; but not after anything was given on.
    """

    def __init__(
        self, addresses: Sequence[Address], options: PoolOptions | None = None, chances: Chances | None = None
    ) -> None:
        """Prepare to ask. Nothing is connected yet.

        Args:
            addresses: of servers that have the same model.
            options: how they are asked.
            chances: time and chance.
        """
        self._addresses = tuple(addresses)
        self._options = options or PoolOptions()
        self._chances = chances or Chances()
        limits = self._options.breaker_failures, self._options.breaker_seconds
        self._places = tuple(
            _Place(Endpoint(address, self._options.seconds), Breaker(*limits)) for address in self._addresses
        )
        self._lock = Lock()
        self._closing = weakref.finalize(self, _close, self.endpoints)

    def __reduce__(self) -> tuple[type[Pool], tuple[Sequence[Address], PoolOptions]]:
        """What goes to another process, which makes connections of its own."""
        return Pool, (self._addresses, self._options)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The servers, in the order of the settings."""
        return tuple(place.endpoint for place in self._places)

    def close(self) -> None:
        """End all connections. This happens by itself, too, once the pool isn't used any more."""
        self._closing()

    def ask(self, call: Callable[[Endpoint], T], *, deadline: float = math.inf, like: str = "") -> T:
        """What `call` returns, for the first server where it doesn't fail. See `stream`."""

        def once(endpoint: Endpoint) -> Generator[T]:
            yield call(endpoint)

        with closing(self.stream(once, deadline=deadline, like=like)) as answers:
            return next(answers)

    def stream(
        self, call: Callable[[Endpoint], Generator[T]], *, deadline: float = math.inf, like: str = ""
    ) -> Generator[T]:
        """What `call` yields, for the first server where it yields anything before it fails.

        Args:
            call: asks one server, and raises LLMError. It is called again for the next one.
            deadline: when no further try is to begin, by the clock.
            like: names what is asked; requests of the same name rather go to the same server.

        Raises:
            ServerError: the last failure; or all servers are left alone, since they failed too often.
        """
        tried: list[_Place] = []
        last_try = min(deadline, self._chances.clock() + self._options.seconds)
        while True:
            with self._entered(tried, like) as place, closing(call(place.endpoint)) as things:
                tried.append(place)
                try:
                    first = next(things, _NOTHING)
                except ServerError as error:
                    # A single server isn't left alone because its callers are in a hurry.
                    if len(self._places) > 1 or self._chances.clock() < deadline:
                        self._note(place, error)
                    failure = error
                except LLMError as error:
                    self._note(place, error)
                    raise
                else:
                    self._note(place, None)
                    if first is not _NOTHING:
                        yield cast("T", first)
                        yield from self._rest(place, things, deadline)
                    return
            wait = self._wait(failure, tried, last_try, deadline)
            if wait is None:
                raise failure
            if wait > 0:
                self._chances.sleep(wait)

    @contextmanager
    def _entered(self, tried: Sequence[_Place], like: str) -> Iterator[_Place]:
        with self._lock:
            place = self._choose(tried, like)
            is_trial = place.breaker.enter(self._chances.clock())
            place.under_way += 1
        try:
            yield place
        finally:
            with self._lock:
                place.under_way -= 1
                place.breaker.left(is_trial)

    def _choose(self, tried: Sequence[_Place], like: str) -> _Place:
        now = self._chances.clock()
        admitted = [place for place in self._places if place.breaker.admits(now)]
        if not admitted:
            raise self._left_alone(now)

        def cost(place: _Place) -> tuple[int, bool, int, float]:
            rank = -_kinship(like, place.endpoint.url) if like else self._chances.draw()
            return tried.count(place), place.rests_until > now, place.under_way, rank

        return min(admitted, key=cost)

    def _rest(self, place: _Place, things: Generator[T], deadline: float) -> Generator[T]:
        try:
            yield from things
        except LLMError as error:
            # An answer that goes on for longer than its reader has time is nobody's fault.
            if self._chances.clock() < deadline:
                self._note(place, error)
            raise

    def _note(self, place: _Place, error: LLMError | None) -> None:
        """Remember how a server did. One that refuses a request as it should is well."""
        is_fault = isinstance(error, ServerError) and (error.status == 0 or error.status >= 500)
        now = self._chances.clock()
        with self._lock:
            if is_fault:
                place.breaker.failed(now)
            else:
                place.breaker.succeeded()
            if isinstance(error, ServerError) and error.retry_after:
                place.rests_until = now + error.retry_after

    def _wait(
        self, failure: ServerError, tried: Sequence[_Place], last_try: float, deadline: float
    ) -> float | None:
        """Seconds until the next try; None where there is to be none."""
        now = self._chances.clock()
        with self._lock:
            admitted = [place for place in self._places if place.breaker.admits(now)]
            rested = min((place.rests_until for place in admitted), default=math.inf)
            is_fresh = any(place not in tried and place.rests_until <= now for place in admitted)
        if is_fresh:
            return 0.0 if (failure.retryable or failure.begun) and now < deadline else None
        retries = self._options.retries
        if failure.begun or not failure.retryable or len(tried) >= max(retries.attempts, len(self._places)):
            return None
        wait = max(retries.wait(len(tried), self._chances.draw), rested - now)
        return wait if now + wait <= last_try else None

    def _left_alone(self, now: float) -> ServerError:
        left = min(place.breaker.seconds_left(now) for place in self._places)
        names = ", ".join(place.endpoint.url for place in self._places)
        return ServerError(
            f"not asked, because it failed {self._options.breaker_failures} times in a row: {names}",
            hint=f"it will be tried again in {math.ceil(left)} seconds; see whether it runs",
            retryable=True,
            retry_after=left,
        )


def _kinship(like: str, url: str) -> int:
    """Highest for the server that a request should go to (rendezvous hashing: Thaler, Ravishankar, 1998)."""
    return xxhash.xxh3_64_intdigest(f"{url}\n{like}".encode())


def _close(endpoints: Sequence[Endpoint]) -> None:
    for endpoint in endpoints:
        endpoint.close()
