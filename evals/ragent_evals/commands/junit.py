"""What commands that write JUnit's XML share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragent.errors import ConfigError, EvalError

if TYPE_CHECKING:
    from ragent_evals.running.kept import KeptRun

JunitOption = Annotated[
    Path | None,
    typer.Option(
        "--junit", metavar="FILE", help="Write JUnit's XML, a test a case, for CI.", show_default=False
    ),
]
MinOption = Annotated[
    list[str] | None,
    typer.Option(
        "--min",
        metavar="METRIC=VALUE",
        help="In --junit, a case that doesn't reach it is a failure (exceeds it, where lower is better). "
        "May be repeated.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Junit:
    """Where to write it, and by metric what a case has to reach."""

    path: Path
    thresholds: Mapping[str, float]

    def write(self, run: KeptRun) -> None:
        """Write it. Raises EvalError if the file can't be written, or a metric isn't there."""
        from ragent_evals.reporting import junit

        text = junit(run, self.thresholds)
        try:
            self.path.write_text(text, "utf-8", errors="replace")
        except OSError as error:
            raise EvalError(f"can't write {self.path}: {error}") from None


def wanted_junit(path: Path | None, minimum: Sequence[str] | None) -> Junit | None:
    """What the options say; None where no file is named.

    Raises:
        ConfigError: a threshold isn't of the form METRIC=VALUE, there are some without a file, or the file's
            folder isn't there: better said before the work than after it.
    """
    thresholds = {}
    for text in minimum or ():
        name, _, value = text.rpartition("=")
        try:
            thresholds[name] = float(value)
        except ValueError:
            name = ""
        if not name:
            raise ConfigError(f"{text!r} is no threshold", hint="write METRIC=VALUE: --min f1=0.4")
    if path is None:
        if thresholds:
            raise ConfigError("--min is about --junit, which is missing", hint="add --junit FILE")
        return None
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"can't write {path}: there is no such folder", hint="make it first")
    return Junit(path, thresholds)
