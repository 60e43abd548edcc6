"""`ragent eval`: measure what ragent finds, answers and does."""

from __future__ import annotations

import typer

from ragent_evals.commands.agents import agent, tools
from ragent_evals.commands.arena import arena, standings
from ragent_evals.commands.beir import beir
from ragent_evals.commands.calibrate import calibrate
from ragent_evals.commands.compare import compare
from ragent_evals.commands.graph import graph
from ragent_evals.commands.judge import judge
from ragent_evals.commands.match import match
from ragent_evals.commands.metrics import metrics
from ragent_evals.commands.new import new
from ragent_evals.commands.optimize import optimize
from ragent_evals.commands.prefer import prefer
from ragent_evals.commands.probe import probe
from ragent_evals.commands.report import report
from ragent_evals.commands.run import qa, run, schema
from ragent_evals.commands.runs import runs
from ragent_evals.commands.sets import import_set, sets
from ragent_evals.commands.synth import synth
from ragent_evals.commands.topics import topics
from ragent_evals.commands.tune import tune

app = typer.Typer(
    help="Measure ragent on sets of questions and documents.",
    no_args_is_help=True,
)
for command in (
    run,
    qa,
    schema,
    runs,
    metrics,
    beir,
    tune,
    calibrate,
    tools,
    agent,
    match,
    topics,
    graph,
    judge,
    arena,
    standings,
    prefer,
    compare,
    report,
    optimize,
    probe,
    synth,
    sets,
    new,
):
    app.command()(command)
app.command("import")(import_set)


@app.callback()
def evaluate() -> None:
    """Measure ragent on sets of questions and documents."""
