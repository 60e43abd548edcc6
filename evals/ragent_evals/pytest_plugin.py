"""Sets as tests: `@pytest.mark.ragent_eval(set="questions.jsonl", min={"f1": 0.4})`.

pytest loads this file in every project of an environment that ragent is in. So it imports nothing but pytest
until a marked test runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ragent_evals.running.kept import KeptRun

_MARKER = "ragent_eval"
_WORST = 5
_RUN = pytest.StashKey["KeptRun"]()


@dataclass(frozen=True, slots=True)
class EvalMark:
    """What the marker takes, by keyword.

    Attributes:
        set: the set's file or folder, beside the test's file.
        min: by metric, what the set's figure must reach.
        max: by metric, what it must not exceed.
        split: only cases of this split.
        limit: so many cases at most, spread over the set.
        metrics: what is measured; (): the metrics for the kinds of cases, and those of `min` and `max`.
        collection: which collection is asked, if the set brings no texts.
        settings: other values of settings: {"ask": {"style": "draft"}}.
    """

    set: str
    min: Mapping[str, float] = field(default_factory=dict)
    max: Mapping[str, float] = field(default_factory=dict)
    split: str | None = None
    limit: int | None = None
    metrics: tuple[str, ...] = ()
    collection: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --ragent-home."""
    parser.getgroup("ragent").addoption(
        "--ragent-home", metavar="DIR", help="where ragent keeps its state, for tests marked ragent_eval"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest the marker."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(set, min=, max=, split=, limit=, metrics=, collection=, settings=): run an eval set "
        "through ragent, and fail if a figure is too low or too high",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let a marked test have the run, whether it asks for it or not."""
    if item.get_closest_marker(_MARKER):
        names = getattr(item, "fixturenames", [])
        if _MARKER not in names:
            names.append(_MARKER)


@pytest.fixture
def ragent_eval(request: pytest.FixtureRequest) -> KeptRun:
    """The run of the set that the test is marked with: its cases, outcomes, values and figures."""
    marker = request.node.get_closest_marker(_MARKER)
    if marker is None:
        raise pytest.UsageError(f"{request.node.nodeid}: mark it with @pytest.mark.{_MARKER}(set=...)")
    try:
        mark = EvalMark(*marker.args, **marker.kwargs)
    except TypeError as error:
        raise pytest.UsageError(f"{request.node.nodeid}: @pytest.mark.{_MARKER}: {error}") from None
    run = _run(mark, request.path.parent, request.config.getoption("ragent_home"))
    request.node.stash[_RUN] = run
    for name, figure in run.metrics.items():
        request.node.user_properties.append((name, round(figure.value, 4)))
    return run


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Hold the run's figures against the bounds, before the test's own words."""
    run = pyfuncitem.stash.get(_RUN, None)
    marker = pyfuncitem.get_closest_marker(_MARKER)
    if run is not None and marker is not None:
        missed = _missed(run, EvalMark(*marker.args, **marker.kwargs))
        if missed:
            pytest.fail(missed, pytrace=False)


def _run(mark: EvalMark, folder: Path, home: str | None) -> KeptRun:
    from ragent.config import find_config, find_home, load_settings
    from ragent.errors import RagentError
    from ragent.rag import Rag
    from ragent_evals.metrics.opening import default_metrics
    from ragent_evals.running.reading import read_kept
    from ragent_evals.running.runner import RunOptions, run_set
    from ragent_evals.sets.opening import open_set

    found = find_home(home)
    settings = {**mark.settings, **({"collection": mark.collection} if mark.collection else {})}
    try:
        eval_set = open_set(folder / mark.set, mark.split, mark.limit)
        usual = [name for case in eval_set.cases for name in default_metrics(case.kind)]
        names = tuple(dict.fromkeys([*(mark.metrics or usual), *mark.min, *mark.max]))
        with Rag(found, load_settings(find_config(found), **settings)) as rag:
            report = run_set(rag, eval_set, RunOptions(split=mark.split or "", metrics=names))
            return read_kept(rag.store, report.run)
    except RagentError as error:
        pytest.fail(f"{mark.set}: {error}", pytrace=False)


def _missed(run: KeptRun, mark: EvalMark) -> str:
    """What is wrong with the run, in words, with the worst cases; "" if nothing is."""
    from ragent_evals.reporting.worst import worst_cases

    lines: list[str] = []
    for name, bound, sign, word in (
        *((name, bound, 1, "below") for name, bound in mark.min.items()),
        *((name, bound, -1, "above") for name, bound in mark.max.items()),
    ):
        figure = run.metrics.get(name)
        if figure is None:
            lines.append(f"{name}: no case of {run.set_name} has it")
        elif sign * figure.value < sign * bound:
            interval = f"95 %: {figure.low:.4f} to {figure.high:.4f}"
            lines.append(f"{name} is {figure.value:.4f} ({interval}), {word} {bound:g}")
            for one in worst_cases(run, name, _WORST):
                expected = "no answer" if one.is_impossible else " / ".join(one.expected)
                answer = one.error or f"{'withheld: ' if one.abstained else ''}{one.answer}"
                lines.append(f"  {one.value:.4f}  {one.case_id}: {one.question}")
                lines += [f"          expected: {expected}"] if expected else []
                lines += [f"          answer: {answer}"] if answer else []
    if not lines:
        return ""
    return "\n".join([f"{run.set_name}: {len(run.cases)} cases, run {run.id[:8]}", *lines])
