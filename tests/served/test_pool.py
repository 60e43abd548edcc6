from __future__ import annotations

import pickle
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest

from ragent.errors import ConfigError, ContextOverflow, ServerError
from ragent.served import Endpoint, Pool, PoolOptions, Retries, read_addresses
from ragent.served.pool import Chances
from tests.served.wire import Wire, cut, garbage, hang, reply, reset, streamed, wired


class Time:
    """Passes only by waiting; chance is always one half."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def chances(self) -> Chances:
        return Chances(lambda: self.now, self.sleep, lambda: 0.5)


@contextmanager
def pool_of(*wires: Wire, time: Time | None = None, **options: Any) -> Iterator[Pool]:
    made = PoolOptions(**{"seconds": 5, "retries": Retries(3, 1.0), "breaker_failures": 2, **options})
    pool = Pool(read_addresses([wire.url for wire in wires], "llm"), made, (time or Time()).chances)
    with closing(pool):
        yield pool


def value(endpoint: Endpoint) -> Any:
    return endpoint.ask(f"{endpoint.url}/value")


def events(endpoint: Endpoint) -> Generator[Any]:
    yield from endpoint.events(f"{endpoint.url}/value", {})


def test_waits_are_random_and_doubled() -> None:
    time = Time()
    with (
        wired(value=reply("busy", 503)) as wire,
        pool_of(wire, time=time, breaker_failures=9) as pool,
        pytest.raises(ServerError, match="503") as raised,
    ):
        pool.ask(value)
    assert raised.value.retryable
    assert time.slept == [0.5, 1.0]
    assert len(wire.asked) == 3


def test_a_server_is_left_alone_as_long_as_it_wants() -> None:
    time = Time()
    with wired() as wire, pool_of(wire, time=time) as pool:
        wire.acts["/v1/value"] = [reply("busy", 429, Retry_After="3"), reply(7)]
        assert pool.ask(value) == 7
    assert time.slept == [3.0]


def test_a_moment_to_ask_again_is_by_the_servers_clock() -> None:
    time = Time()
    wish = {"Date": "Mon, 01 Jan 2035 00:00:00 GMT", "Retry_After": "Mon, 01 Jan 2035 00:00:04 GMT"}
    with wired() as wire, pool_of(wire, time=time) as pool:
        wire.acts["/v1/value"] = [reply("busy", 503, **wish), reply(7)]
        assert pool.ask(value) == 7
    assert time.slept == [4.0]


@pytest.mark.parametrize("fault", [reset, garbage(b"<html>"), reply("broken", 500), reply("busy", 429)])
def test_another_server_is_asked_at_once(fault: Any) -> None:
    time = Time()
    with wired(value=fault) as bad, wired(value=reply("well")) as good, pool_of(bad, good, time=time) as pool:
        assert [pool.ask(value) for _ in range(8)] == ["well"] * 8
    assert len(good.asked) == 8
    assert not time.slept


def test_one_that_is_not_there() -> None:
    with wired(value=reply("well")) as good:
        with wired() as gone:
            pass
        with pool_of(gone, good) as pool:
            assert [pool.ask(value) for _ in range(4)] == ["well"] * 4
        with (
            pool_of(gone, breaker_failures=9) as pool,
            pytest.raises(ServerError, match="can't reach"),
        ):
            pool.ask(value)


def test_one_that_hangs_is_asked_once_and_then_the_other() -> None:
    with wired(value=hang) as bad, wired(value=reply("well")) as good:
        with pool_of(bad, good, seconds=0.2) as pool:
            assert pool.ask(value) == "well" == pool.ask(value)
        assert len(bad.asked) <= 2
        with pool_of(bad, seconds=0.2) as pool, pytest.raises(ServerError, match="said nothing"):
            pool.ask(value)


def test_what_cannot_help_is_not_tried_again() -> None:
    no = reply("no", 400)
    with (
        wired(value=no) as one,
        wired(value=no) as two,
        pool_of(one, two) as pool,
        pytest.raises(ServerError, match="400"),
    ):
        pool.ask(value)
    assert len(one.asked) + len(two.asked) == 1


def test_a_breaker_opens_tries_once_and_closes() -> None:
    time = Time()
    with wired(value=reset) as wire, pool_of(wire, time=time, breaker_seconds=60.0) as pool:
        with pytest.raises(ServerError, match="can't reach"):
            pool.ask(value)  # the second of three tries opens it
        assert len(wire.asked) == 2
        with pytest.raises(ServerError, match=r"(?s)failed 2 times in a row.*60 seconds") as raised:
            pool.ask(value)
        assert raised.value.retryable
        time.now += 60
        with pytest.raises(ServerError, match="can't reach"):
            pool.ask(value)
        assert len(wire.asked) == 3  # a single trial
        time.now += 60
        wire.acts["/v1/value"] = [reply(7)]
        assert [pool.ask(value), pool.ask(value)] == [7, 7]


def test_refusals_do_not_open_it() -> None:
    with wired(value=reply("no", 404)) as wire, pool_of(wire) as pool:
        for _ in range(5):
            with pytest.raises(ServerError, match="404"):
                pool.ask(value)
    assert len(wire.asked) == 5


def test_the_one_with_the_fewest_requests_is_asked() -> None:
    told = streamed({"n": 1}, {"n": 2})
    with wired(value=told) as one, wired(value=told) as two, pool_of(one, two) as pool, ExitStack() as stack:
        begun = [stack.enter_context(closing(pool.stream(events, like="the same"))) for _ in range(6)]
        assert [next(stream) for stream in begun] == [{"n": 1}] * 6
        assert (len(one.asked), len(two.asked)) == (3, 3)


def test_like_requests_rather_go_to_the_same_server() -> None:
    with wired(value=reply(1)) as one, wired(value=reply(1)) as two, pool_of(one, two) as pool:
        for name in "abcdefghijklmnopqrstuvwxyz":
            before = len(one.asked), len(two.asked)
            for _ in range(3):
                pool.ask(value, like=name)
            grown = len(one.asked) - before[0], len(two.asked) - before[1]
            assert sorted(grown) == [0, 3]
    assert one.asked
    assert two.asked


def test_connections_are_kept() -> None:
    with wired(value=reply(1)) as wire, pool_of(wire) as pool:
        assert [pool.ask(value) for _ in range(5)] == [1] * 5
        assert wire.connections == 1


def test_a_stream_lost_before_its_first_event_is_asked_for_again_and_one_lost_later_is_not() -> None:
    with wired(value=streamed(then=reset)) as bad, wired(value=streamed({"n": 1}, {"n": 2})) as good:
        with pool_of(bad, good) as pool:
            for _ in range(4):
                assert list(pool.stream(events)) == [{"n": 1}, {"n": 2}]
        bad.acts["/v1/value"] = [streamed({"n": 1}, then=cut)]
        with pool_of(bad) as pool:
            stream = pool.stream(events)
            assert next(stream) == {"n": 1}
            with pytest.raises(ServerError, match="hung up in the middle") as raised:
                next(stream)
        assert raised.value.retryable


def test_streams_that_break_open_the_breaker_too() -> None:
    with wired(value=streamed({"n": 1}, then=cut)) as wire, pool_of(wire) as pool:
        for _ in range(2):
            with pytest.raises(ServerError, match="hung up"):
                list(pool.stream(events))
    assert len(wire.asked) == 2


def test_closing_a_trial_leaves_room_for_the_next() -> None:
    time = Time()
    with wired(value=reset) as wire, pool_of(wire, time=time, breaker_failures=1) as pool:
        with pytest.raises(ServerError):
            pool.ask(value)
        time.now += 10
        wire.acts["/v1/value"] = [streamed({"n": 1}, {"n": 2})]
        with closing(pool.stream(events)) as stream:
            assert next(stream) == {"n": 1}
        assert list(pool.stream(events)) == [{"n": 1}, {"n": 2}]


def test_no_time_is_left_for_another_try() -> None:
    def late(endpoint: Endpoint) -> Any:
        return endpoint.ask(f"{endpoint.url}/value", None, deadline)

    options = PoolOptions(breaker_failures=1)
    with wired(value=hang) as wire, closing(Pool(read_addresses([wire.url], "llm"), options)) as pool:
        for _ in range(2):
            deadline = time.monotonic() + 0.2
            with pytest.raises(ServerError, match="complete in time"):
                pool.ask(late, deadline=deadline)
    assert len(wire.asked) == 2  # a hurry is no reason to leave it alone


def test_a_prompt_that_is_too_long_says_that_a_server_is_well() -> None:
    time = Time()
    with wired(value=reset) as wire, pool_of(wire, time=time, breaker_failures=1) as pool:
        with pytest.raises(ServerError):
            pool.ask(value)
        time.now += 10
        wire.acts["/v1/value"] = [reply({"error": "the context length is 8"}, 400), reply(7)]
        with pytest.raises(ContextOverflow):
            pool.ask(value)
        assert pool.ask(value) == 7


def test_many_threads() -> None:
    seen: Counter[int] = Counter()

    def work() -> None:
        for _ in range(10):
            seen[pool.ask(value)] += 1

    with (
        wired(value=reply(1)) as one,
        wired(value=reply(2)) as two,
        wired(value=reset) as bad,
        pool_of(one, bad, two) as pool,
    ):
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen.total() == 60
    assert set(seen) == {1, 2}


def test_it_can_be_sent_to_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGENT_SECRET_127_0_0_1", "s3cret")
    with wired(value=reply(5)) as wire, pool_of(wire) as pool:
        sent = pickle.dumps(pool)
        assert b"s3cret" not in sent
        with closing(pickle.loads(sent)) as other:
            assert other.ask(value) == 5


def test_urls() -> None:
    addresses = read_addresses(["http://a:1/v1/", "http://a:1/v1", "https://b"], "embedder")
    assert [(one.url, one.root) for one in addresses] == [("http://a:1/v1", "http://a:1"), ("https://b",) * 2]
    for bad in ([], ["ftp://a"], ["http://ann:pw@a"], ["http://a?key=pw"]):
        with pytest.raises(ConfigError, match=r"\[embedder\] url") as raised:
            read_addresses(bad, "embedder")
        assert "pw" not in str(raised.value)
