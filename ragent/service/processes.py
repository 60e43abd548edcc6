"""Names processes so that one is never taken for another, nor for dead while it lives."""

from __future__ import annotations

from pathlib import Path

import psutil  # type: ignore[import-untyped]

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STARTED = 19
"""Where its start stands in /proc/PID/stat, after the name: in ticks since the machine was booted."""


def identify(pid: int) -> str:
    """The name of a running process of this machine; "" where there is none.

    It doesn't depend on the wall clock, which may be set while the process runs: what the system reckons to
    be the time of its start moves along with it.
    """
    try:
        return f"{pid}:{_started(pid)}"
    except (OSError, psutil.Error):
        return ""


def _started(pid: int) -> str:
    if not _BOOT.exists():
        return f"{psutil.Process(pid).create_time():.0f}"
    told = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return f"{_BOOT.read_text().strip()}:{told[_STARTED]}"
