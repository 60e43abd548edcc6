"""Tells when something changed in folders."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

_DEBOUNCE_MS = 1600
_STEP_MS = 100


def follow(paths: Sequence[Path], stop: threading.Event, *, beside: Path) -> Iterator[None]:
    """Yield once at the beginning, and again when things changed and came to rest, until `stop` is set.

    Args:
        paths: Files and folders that exist.
        stop: Ends the iteration, within moments.
        beside: A folder whose own changes don't count: the home, which may lie in one of the others.
    """
    from watchfiles import Change, DefaultFilter, watch

    wanted = DefaultFilter()
    home = str(beside.resolve())

    def counts(change: Change, path: str) -> bool:
        return wanted(change, path) and path != home and not path.startswith(f"{home}/")

    # A file that is saved by replacing it is another one to the system: its folder is watched.
    folders = {(path if path.is_dir() else path.parent).resolve() for path in paths}
    yield None
    for _ in watch(
        *sorted(folders),
        watch_filter=counts,
        debounce=_DEBOUNCE_MS,
        step=_STEP_MS,
        stop_event=stop,
        raise_interrupt=False,
    ):
        yield None
