"""The `ragent` command: a verb a module; other packages add theirs by the entry point `ragent.commands`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ragent import __version__, registry
from ragent.cli import (
    agent,
    ask,
    chat,
    code,
    db,
    forget,
    generate,
    graph,
    index,
    ingest,
    init,
    keys,
    logs,
    match,
    mcp,
    models,
    people,
    prompts,
    reembed,
    search,
    serve,
    sync,
    topics,
    watch,
)
from ragent.cli.face import CollectionOption, Common, HomeOption, JsonOption, reporting_errors
from ragent.errors import MissingExtraError

app = typer.Typer(
    name="ragent",
    help="Answers from your own documents, on your own machine, with every quote traceable.\n\n"
    "Start: [bold]ragent ingest[/bold] FOLDER, then [bold]ragent ask[/bold] 'your question'.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

app.command("init")(init.init)
app.command("ingest")(ingest.ingest)
app.command("sync")(sync.sync)
app.command("watch")(watch.watch)
app.command("forget")(forget.forget)
app.command("search")(search.search)
app.command("ask")(ask.ask)
app.command("chat")(chat.chat)
app.command("generate")(generate.generate)
app.command("code")(code.code)
app.add_typer(agent.app, name="agent")
app.add_typer(models.app, name="models")
app.add_typer(prompts.app, name="prompts")
app.add_typer(index.app, name="index")
app.add_typer(db.app, name="db")
app.command("reembed")(reembed.reembed)
app.command("fsck")(index.fsck)
app.command("topics")(topics.topics)
app.add_typer(graph.app, name="graph")
app.command("match")(match.match)
app.command("logs")(logs.logs)
app.command("mcp")(mcp.mcp)
app.command("serve")(serve.serve)
app.add_typer(people.app, name="people")
app.add_typer(keys.app, name="keys")
for _name in registry.names("ragent.commands"):
    try:
        app.add_typer(registry.load("ragent.commands", _name), name=_name)
    except MissingExtraError as error:
        typer.echo(f"warning: no `ragent {_name}`: {error}", err=True)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"ragent {__version__}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    home: HomeOption = None,
    collection: CollectionOption = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Settings [./ragent.toml or HOME/ragent.toml]"),
    ] = None,
    as_json: JsonOption = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before the verb hold for it; most verbs also take them after."""
    context.obj = Common(home, collection, config, as_json)


def main() -> None:
    """Run the command line and exit: 0 ok, 1 failed, 2 usage, 3 partly failed."""
    with reporting_errors(as_json="--json" in sys.argv):
        app()
