from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from ragent.service.processes import identify


def test_a_process_keeps_its_name_as_long_as_it_lives() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        named = identify(other.pid)
        assert named == identify(other.pid)
        assert named not in ("", identify(os.getpid()))
        other.kill()
        other.wait()
        assert identify(other.pid) != named


def test_setting_the_clock_changes_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    if not psutil.LINUX:
        pytest.skip("only Linux tells the start of a process otherwise than by the clock")
    named = identify(os.getpid())
    # What the system says of when it was booted moves with the clock; psutil reckons from there.
    monkeypatch.setattr("psutil._pslinux.BOOT_TIME", 1.0, raising=False)
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: 1.0)
    assert psutil.Process(os.getpid()).create_time() < 10**9
    assert identify(os.getpid()) == named
