"""Finds out whether the engines run on this machine, without dying with one that doesn't.

Each is probed in a child process: a crash of native code, or a hang, becomes a finding with a remedy.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from signal import Signals

from ragent.llm.build import explain_death, mend_command, safe_flags

_LLAMA = "llama-cpp-python"


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found out about one engine. `fix` is a command or an advice; "" where all is well."""

    name: str
    ok: bool
    detail: str
    fix: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Check:
    """A probe to run: a command that prints one line and ends with 0 if the engine works.

    `package` is what to install where the engine is missing. `explain` turns the number of the signal that
    killed it into a detail and a fix.
    """

    name: str
    command: tuple[str, ...]
    package: str
    explain: Callable[[int], tuple[str, str]]


def default_checks() -> tuple[Check, ...]:
    """One check for each engine that ragent uses."""
    return (
        _check("llamacpp", _LLAMA, _explain_llama),
        _check("openvino", "openvino"),
        _check("faiss", "faiss-cpu"),
        _check("tantivy", "tantivy"),
        _check("sentence-transformers", "sentence-transformers"),
        _check("sqlite", ""),
    )


def diagnose(checks: Sequence[Check] | None = None, *, timeout: float = 120.0) -> Iterator[Probe]:
    """Run checks one after another, each in a child process, and give each finding as it comes.

    Args:
        checks: by default those of `default_checks`.
        timeout: seconds after which a child counts as hanging and is killed.
    """
    for check in default_checks() if checks is None else checks:
        started = time.monotonic()
        ok, detail, fix = _run(check, timeout)
        yield Probe(check.name, ok, detail, fix, time.monotonic() - started)


def _run(check: Check, timeout: float) -> tuple[bool, str, str]:
    try:
        done = subprocess.run(  # noqa: S603  our own checks
            check.command, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return False, f"hangs: no result after {timeout:g} seconds", "try again while the machine is idle"
    output = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode == 0:
        return True, output.splitlines()[-1] if output else "", ""
    if done.returncode < 0:
        return False, *check.explain(-done.returncode)
    errors = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return False, _last_error(errors), _install(check) if _is_missing(errors) else ""


def _check(name: str, package: str, explain: Callable[[int], tuple[str, str]] | None = None) -> Check:
    command = (sys.executable, "-P", "-m", "ragent.llm.probe", name)
    return Check(name, command, package, explain or (lambda number: _explain_any(number, package)))


def _explain_any(number: int, package: str) -> tuple[str, str]:
    fix = f"{sys.executable} -m pip install --force-reinstall --no-deps {package}" if package else ""
    return f"crashed ({Signals(number).name}) in native code", fix


def _explain_llama(number: int) -> tuple[str, str]:
    return explain_death(number, version(_LLAMA))


def _install(check: Check) -> str:
    if check.package != _LLAMA:
        return f"{sys.executable} -m pip install {check.package}" if check.package else ""
    try:
        return mend_command(safe_flags(), version(_LLAMA))
    except PackageNotFoundError:
        flags = safe_flags()
        return (f'CMAKE_ARGS="{flags}" ' if flags else "") + f"{sys.executable} -m pip install {_LLAMA}"


def _is_missing(errors: Sequence[str]) -> bool:
    """Whether the last error speaks of a package or shared library that isn't there."""
    last = errors[-1] if errors else ""
    return last.startswith(("ModuleNotFoundError", "ImportError")) or "shared" in last


def _last_error(errors: Sequence[str]) -> str:
    """The message of the last exception in a traceback, hint included, without its class."""
    start = next((n for n in range(len(errors) - 1, -1, -1) if errors[n][:1].strip()), 0)
    first, *rest = errors[start:] or ["it failed without a word"]
    _, _, message = first.partition(": ")
    return " ".join([message or first, *(line.strip() for line in rest)])
