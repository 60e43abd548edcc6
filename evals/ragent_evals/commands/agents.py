"""`ragent eval tools` and `ragent eval agent`: measure how a model calls functions, and what agents do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ragent.cli.face import Face, HomeOption, JsonOption
from ragent_evals.commands.running import CacheOption, FreshOption, NameOption

SetArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The set.", show_default=False)]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit", min=1, metavar="N", help="Only so many cases, spread over the set.", show_default=False
    ),
]
RunOption = Annotated[
    Path | None,
    typer.Option(
        "--run", metavar="FILE", help="What came of each case [HOME/runs/SET.jsonl].", show_default=False
    ),
]


def tools(
    context: typer.Context,
    file: SetArgument,
    limit: LimitOption = None,
    run: RunOption = None,
    name: NameOption = "",
    fresh: FreshOption = False,
    no_cache: CacheOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how well the model calls functions, on a set in the Berkeley function-calling layout.

    One call a request is written under the grammar of an agent's calls. `named`: the share of calls that name
    a function that was offered; `valid`: whose arguments obey its schema; `tool`: that are of the right
    function; `call`: that are right altogether, as the leaderboard's check of syntax trees decides it. The
    calls are kept as `ragent eval run` keeps what came of cases, so that runs can be compared.
    """
    from ragent_evals.agents.calling import judge, read_calls, summarize
    from ragent_evals.commands.running import told, watched
    from ragent_evals.running.reading import read_kept
    from ragent_evals.running.runner import RunOptions, run_set
    from ragent_evals.sets.opening import open_set

    began = time.perf_counter()
    face = Face(context, home, None, as_json)
    cases = {case.id: case for case in read_calls(file).cases}
    eval_set = open_set(file, limit=limit, kind="tools")
    options = RunOptions(name=name, fresh=fresh, cached=not no_cache)
    with face.rag() as rag:
        with watched(face, options) as watching:
            report = run_set(rag, eval_set, watching)
        if not report.is_finished:
            told(face, report)
        outcomes = read_kept(rag.store, report.run).outcomes
        path = run or rag.home / "runs" / f"{eval_set.name}.jsonl"
    called = [judge(cases[outcome.case_id], outcome.text) for outcome in outcomes]
    _write(path, map(asdict, called))
    more = {"run": path, "record": report.run}
    _report(face, eval_set.name, len(called), summarize(called), more, began)


def agent(
    context: typer.Context,
    file: SetArgument,
    limit: LimitOption = None,
    run: RunOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure an agent that answers questions by SQL, on a set in the layout of AgentBench's database task.

    Each case brings its table, in a database that is thrown away. `ended`: the share of runs that ended
    within their limits; `right`: that gave the expected answer, or changed the table as it was asked for.
    """
    from ragent_evals.agents.querying import run_tables, stop_reasons, summarize
    from ragent_evals.agents.tables import read_tables
    from ragent_evals.sets.choosing import spread

    began = time.perf_counter()
    face = Face(context, home, None, as_json)
    tables = read_tables(file)
    cases = spread(tables.cases, limit or len(tables.cases))
    with face.rag() as rag, face.messages.status("reading the model") as status:
        done = list(run_tables(rag.llm, cases, lambda done: status.update(f"{done} of {len(cases)} tasks")))
        path = run or rag.home / "runs" / f"{tables.name}.jsonl"
    _write(path, map(asdict, done))
    _report(face, tables.name, len(cases), summarize(done), {"run": path, "stops": stop_reasons(done)}, began)


def _write(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")


def _report(
    face: Face, name: str, cases: int, metrics: Mapping[str, Any], more: Mapping[str, Any], began: float
) -> None:
    from rich.table import Table

    seconds = round(time.perf_counter() - began, 3)
    if face.as_json:
        report = {"set": name, "split": "", "cases": cases, "metrics": metrics, "seconds": seconds}
        face.print_json({**report, **more})
        return
    table = Table("measure", "value", "95 % interval", box=None)
    for measure, estimate in metrics.items():
        table.add_row(measure, f"{estimate.value:.4f}", f"{estimate.low:.4f} to {estimate.high:.4f}")
    face.console.print(table)
    stops = "".join(f"; {reason}: {count}" for reason, count in more.get("stops", {}).items())
    face.console.print(f"{name}: {cases} cases in {seconds:.1f} s{stops}; run in {more['run']}", markup=False)
