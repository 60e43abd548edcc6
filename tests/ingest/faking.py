"""What reader processes are given in tests: importable, because they load it by its name."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from ragent.errors import ParseError
from ragent.types import Chunk, Document, Failure, RawDocument


class Lines:
    """One chunk a line."""

    def chunk(self, document: Document) -> list[Chunk]:
        chunks, start = [], 0
        for line in document.text.split("\n"):
            if line:
                chunks.append(Chunk(start, start + len(line), line, "", len(line.split())))
            start += len(line) + 1
        return chunks


def parse(raw: RawDocument) -> Document:
    """Text, unless it holds the name of a misfortune."""
    text = raw.data.decode()
    for name, happen in MISFORTUNES.items():
        if name in text:
            happen()
    if "bomb" in text:
        text = "x" * 3_000_000_000
    if "pid" in text:
        text = f"{text}\npid {os.getpid()}"
    return Document(raw.uri, raw.name, text, "text/plain")


def fail() -> None:
    raise ParseError("it is broken", hint="mend it")


def hang() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    time.sleep(1000)


def get(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


MISFORTUNES: dict[str, Callable[[], object]] = {
    "broken": fail,
    "hang": hang,
    "slow": partial(time.sleep, 1),
    "segfault": partial(get, signal.SIGSEGV),
    "starved": partial(get, signal.SIGKILL),
    "interrupt": partial(get, signal.SIGINT),
    "exit": partial(sys.exit, 3),
    "noise": partial(print, "noise on stdout"),
}


def unpack(raw: RawDocument) -> Iterator[RawDocument | Failure]:
    """Files whose first line is `archive` hold one file a line."""
    first, *lines = raw.data.decode().split("\n")
    if first != "archive":
        yield raw
        return
    for number, line in enumerate(lines):
        uri = f"{raw.uri}!/{number}"
        if line == "unreadable":
            yield Failure(uri, "it can't be unpacked")
        else:
            yield RawDocument(uri, str(number), line.encode())
