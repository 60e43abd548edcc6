"""Eval sets, metrics, runs and reports.

::

    from ragent import Rag
    from ragent_evals import RunOptions, open_set, run_set

    with Rag.open("my-home") as rag:
        report = run_set(rag, open_set("questions.jsonl"), RunOptions(name="before"))

Each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragent_evals.outcome import Outcome as Outcome
    from ragent_evals.running.kept import KeptRun as KeptRun
    from ragent_evals.running.reading import read_kept as read_kept
    from ragent_evals.running.runner import RunOptions as RunOptions
    from ragent_evals.running.runner import RunReport as RunReport
    from ragent_evals.running.runner import run_set as run_set
    from ragent_evals.sets.case import Case as Case
    from ragent_evals.sets.case import EvalSet as EvalSet
    from ragent_evals.sets.opening import open_set as open_set

_PLACES = {
    "Case": "sets.case",
    "EvalSet": "sets.case",
    "KeptRun": "running.kept",
    "Outcome": "outcome",
    "RunOptions": "running.runner",
    "RunReport": "running.runner",
    "open_set": "sets.opening",
    "read_kept": "running.reading",
    "run_set": "running.runner",
}

__all__ = [
    "Case",
    "EvalSet",
    "KeptRun",
    "Outcome",
    "RunOptions",
    "RunReport",
    "open_set",
    "read_kept",
    "run_set",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module."""
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{place}"), name)
