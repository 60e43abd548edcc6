"""Runs a repository's tests in the sandbox, on a copy that is thrown away after each run."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from ragent.agent.plain import cut
from ragent.agent.tools.python import new_folder, run_jailed
from ragent.config import ToolSettings
from ragent.errors import ConfigError, ToolError

_KEPT_CHARS = 40_000
_PYTHONS = ("python", "python3")
# Without pytest's cache, which can't be written there, and ragent's own plugin, which can't be read there.
_PROGRAM = """
import os, runpy, sys
sys.path[:0] = {paths!r}
sys.argv[:] = {argv!r}
os.environ["PYTEST_ADDOPTS"] = "-p no:cacheprovider -p no:ragent"
runpy.{run}({name!r}, run_name="__main__")
"""


@dataclass(frozen=True, slots=True)
class TestReport:
    """How a test command ended.

    Attributes:
        command: as the user allowed it.
        passed: whether it ended with exit status 0. It is the repository's own program that says so.
        output: what it printed, or why it was stopped.
    """

    __test__ = False  # for pytest, whose own classes are called so

    command: str
    passed: bool
    output: str


@dataclass(frozen=True, slots=True)
class _Program:
    is_module: bool
    name: str
    arguments: tuple[str, ...]


def check_command(command: str) -> None:
    """Raise ConfigError for a command that can't be run in the sandbox."""
    _program(command)


def run_tests(command: str, folder: Path, settings: ToolSettings) -> TestReport:
    """Run a command on a copy of a folder. What it writes is gone afterwards.

    Raises:
        ToolError: the program can't be locked in, so it wasn't run.
        ConfigError: the command can't be run in the sandbox.
    """
    program = _program(command)
    settings = settings.model_copy(update={"result_chars": _KEPT_CHARS})
    with new_folder() as scratch:
        shutil.copytree(folder, scratch, dirs_exist_ok=True)
        real = scratch.resolve()
        source = _PROGRAM.format(
            paths=[str(path) for path in (real, real / "src") if path.is_dir()],
            argv=[program.name, *program.arguments],
            run="run_module" if program.is_module else "run_path",
            name=program.name,
        )
        try:
            outcome = run_jailed(source, real, settings)
        except ToolError as error:
            if error.hint:  # it couldn't be locked in; a program that was stopped has no hint
                raise
            return TestReport(command, False, error.message)
    told = cut(outcome.output, _KEPT_CHARS)[0]
    return TestReport(command, outcome.status == 0, f"{told}\n[exit status {outcome.status}]".strip())


def _program(command: str) -> _Program:
    """What a command runs. The sandbox has one process and no shell, so it must be Python."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"the test command {command!r} can't be read: {error}") from None
    match words:
        case ["pytest", *arguments]:
            return _Program(True, "pytest", tuple(arguments))
        case [python, "-m", module, *arguments] if python in _PYTHONS:
            return _Program(True, module, tuple(arguments))
        case [python, script, *arguments] if python in _PYTHONS and not script.startswith("-"):
            return _Program(False, script, tuple(arguments))
    raise ConfigError(
        f"the test command {command!r} can't be run in the sandbox, which has one process and no shell",
        hint="pytest …, python -m MODULE … or python FILE …",
    )
