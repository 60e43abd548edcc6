"""`ragent index` and `ragent fsck`."""

from __future__ import annotations

import sys

import typer

from ragent.cli.face import FAILED, CollectionOption, Face, HomeOption, JsonOption

app = typer.Typer(help="The indexes derived from the database.", no_args_is_help=True)


@app.command()
def info(
    context: typer.Context,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what indexes a collection has, how big they are, and whether they are up to date."""
    face = Face(context, home, collection, as_json)
    with face.rag() as rag:
        facts = rag.indexes.info()
    if face.as_json:
        face.print_json(facts)
        return
    from rich.table import Table

    table = Table(box=None, show_header=False)
    for name, value in facts.items():
        for key, detail in value.items() if isinstance(value, dict) else [("", value)]:
            table.add_row(name, key, str(detail))
            name = ""
    face.console.print(table)


@app.command()
def rebuild(
    context: typer.Context,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the indexes anew from the database. Rarely needed: they mend themselves."""
    face = Face(context, home, collection, as_json)
    with face.rag() as rag, face.messages.status("building"):
        rag.rebuild_indexes()
        facts = rag.indexes.info()
    if face.as_json:
        face.print_json(facts)
    else:
        face.console.print("rebuilt")


def fsck(
    context: typer.Context,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that the home is sound: texts at their offsets, vectors whole, indexes true to the database."""
    face = Face(context, home, None, as_json)
    with face.rag() as rag, face.messages.status("checking"):
        problems = rag.fsck()
    if face.as_json:
        face.print_json({"sound": not problems, "problems": problems})
    elif problems:
        for problem in problems:
            face.console.print(f"{problem.where}: {problem.what}", markup=False, style="red")
            face.console.print(f"    {problem.mend}", markup=False)
    else:
        face.console.print("sound")
    sys.exit(FAILED if problems else 0)
