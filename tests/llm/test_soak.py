from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Iterator
from contextlib import suppress

import psutil  # type: ignore[import-untyped]
import pytest

from ragent.config import LLMSettings
from ragent.llm.llamacpp import LlamaCpp, open_llamacpp
from ragent.structured import constrain, target_of
from ragent.types import Message, Sampling

pytestmark = pytest.mark.slow
WORDS = ("harbour", "ferry", "kiosk", "sailor", "island", "ticket", "lighthouse")
ANSWER = {"enum": ["yes", "no"]}


def megabytes() -> float:
    """Private memory: mapped files (the model's) are no growth, nor is what the allocator keeps for later."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return float(psutil.Process().memory_full_info().uss) / 1e6


def say(engine: LlamaCpp, n: int, tokens: int = 1) -> str:
    message = Message("user", f"{n} {WORDS[n % len(WORDS)]}?")
    constraint = constrain(target_of(ANSWER)) if n % 5 == 0 else None
    tokens += n % 2
    return "".join(delta.text for delta in engine.stream([message], Sampling(max_tokens=tokens), constraint))


def share(count: int, work: int) -> Iterator[range]:
    yield from (range(n, work, count) for n in range(count))


def in_threads(engine: LlamaCpp, numbers: range, count: int = 4) -> None:
    failed: list[Exception] = []

    def run(some: range) -> None:
        try:
            for n in some:
                say(engine, numbers[n])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(some,)) for some in share(count, len(numbers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_memory_does_not_grow_over_500_requests() -> None:
    engine = open_llamacpp(LLMSettings(n_ctx=256, threads=1, cache_mb=8))
    in_threads(engine, range(100))
    before = megabytes()
    in_threads(engine, range(100, 600))
    assert megabytes() - before < 12
    engine.close()


def test_a_hundred_requests_closed_midway_leave_the_engine_usable() -> None:
    engine = open_llamacpp(LLMSettings(n_ctx=256, threads=1, cache_mb=8))
    expected = say(engine, 1, 11)

    def close(some: range) -> None:
        for n in some:
            stream = engine.stream([Message("user", f"{n} stories")], Sampling(max_tokens=100))
            if n % 3:
                next(stream)
            stream.close()  # type: ignore[attr-defined]

    threads = [threading.Thread(target=close, args=(some,)) for some in share(4, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert say(engine, 1, 11) == expected
    engine.close()


def test_what_a_closed_engine_held_is_given_back() -> None:
    def use() -> None:
        engine = open_llamacpp(LLMSettings(n_ctx=256, threads=1, cache_mb=8))
        say(engine, 1)
        engine.close()

    for _ in range(3):
        use()
    before = megabytes()
    for _ in range(10):
        use()
    assert megabytes() - before < 12
