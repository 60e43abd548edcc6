"""`ragent db`: where the truth is kept, and how it moves."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ragent.cli.face import FAILED, Face, HomeOption, JsonOption
from ragent.cli.ingest import bars

app = typer.Typer(help="The database that holds the truth: SQLite's or PostgreSQL's.", no_args_is_help=True)

_PLACE = "a home's folder, or postgresql+psycopg://USER@HOST/DATABASE"


@app.command()
def info(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say which database this home uses, how large it is, and how many rows its tables have."""
    from ragent.store.describing import describe

    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        described = describe(rag.store.database)
    if face.as_json:
        face.print_json(described)
        return
    from rich.table import Table

    face.console.print(
        f"{described.kind} at {described.where}: schema {described.schema}, {described.bytes / 1e6:,.1f} MB",
        markup=False,
    )
    table = Table(box=None, show_header=False)
    for name, rows in described.tables.items():
        table.add_row(name, f"{rows:,}")
    face.console.print(table)


@app.command()
def copy(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help=f"What is copied: {_PLACE}.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Where to, and empty: the same.")],
    as_json: JsonOption = False,
) -> None:
    """Copy a home's database into another, empty one, and prove that nothing was lost or changed.

    This moves a home from SQLite to PostgreSQL and back. A folder means its ragent.db, or the database that
    its own ragent.toml names as the url of its store. All is read as of one moment, and written in one
    transaction, which ends only once everything was read back and found equal: a copy that is interrupted
    leaves TO empty. Of a home that is copied into another folder, its files come along (uploads, prompts,
    models and its ragent.toml); indexes are made anew when they are needed. Passwords are best left out of
    URLs: use PGPASSWORD or ~/.pgpass.
    """
    from ragent.store.check import check_database
    from ragent.store.copying import copy_database
    from ragent.store.places import copy_files, find_place

    face = Face(context, None, None, as_json)
    origin, goal = find_place(source), find_place(target)
    origin.require_home()
    face.messages.print(f"from {origin.shown}\nto {goal.shown}", markup=False)
    with origin.opened() as giving, goal.opened() as taking:
        with bars(face) as shown:
            tasks = {what: shown.add_task(what, total=None, notes="") for what in ("copying", "comparing")}

            def show(what: str, done: int, total: int) -> None:
                shown.update(tasks[what], completed=done, total=total)

            copied = copy_database(giving, taking, show)
        with face.messages.status("checking"):
            problems = list(check_database(taking))
    files = copy_files(origin.home, goal.home) if origin.home and goal.home else []
    if face.as_json:
        face.print_json(
            {
                "from": origin.shown,
                "to": goal.shown,
                "tables": copied.tables,
                "verified": copied.verified and not problems,
                "problems": problems,
                "files": files,
                "seconds": copied.seconds,
            }
        )
    else:
        rows = sum(copied.tables.values())
        face.console.print(f"{rows:,} rows of {len(copied.tables)} tables copied and compared: equal")
        for problem in problems:
            face.console.print(f"{problem.where}: {problem.what}", markup=False, style="red")
        if files:
            face.console.print(f"files copied: {', '.join(files)}", markup=False)
    if origin.home and not goal.home:
        face.messages.print(
            f"the files of {origin.home} stay there: go on with that home, and name the database in its "
            "ragent.toml, [store] url, or copy uploads, prompts and models to another",
            markup=False,
        )
    sys.exit(FAILED if problems else 0)
