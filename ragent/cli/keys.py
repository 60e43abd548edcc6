"""`ragent keys`: what programs show to the server."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ragent.cli.face import Face, HomeOption, JsonOption

app = typer.Typer(help="Keys of programs that use the server: ragent serve.", no_args_is_help=True)


@app.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.", show_default=False)],
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Whose it is; may do no more.")] = "",
    role: Annotated[str, typer.Option("--role", help="reader, editor or admin.")] = "reader",
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="COLLECTION", help="Opens this one alone; may be repeated."),
    ] = None,
    days: Annotated[
        float | None, typer.Option("--days", min=0, help="How long it holds.", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key, and show it: this once, for only its digest is kept."""
    from ragent.service.access import role_of
    from ragent.service.people import People

    face = Face(context, home, None, as_json)
    until = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with face.rag() as rag:
        key = People(rag.store).make_key(name, owner, role_of(role), only, until)
    if face.as_json:
        face.print_json({"key": key, "expires_at": until and until.isoformat()})
    else:
        typer.echo(key)


@app.command("list")
def list_keys(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the keys, without what is secret of them."""
    from ragent.service.people import People

    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        found = People(rag.store).keys()
    if face.as_json:
        face.print_json([_dated(asdict(key)) for key in found])
        return
    for key in found:
        state = (
            "revoked" if key.revoked else f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "valid"
        )
        only = "all collections" if key.collections is None else ", ".join(key.collections)
        face.console.print(f"{key.id}: {key.name}, {key.role}, {only}, {state}", markup=False)


@app.command("revoke")
def revoke(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="As list shows it.", show_default=False)],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key worthless, at once."""
    from ragent.service.people import People

    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        People(rag.store).revoke(id_)
    if face.as_json:
        face.print_json({"revoked": id_})


def _dated(values: dict[str, object]) -> dict[str, object]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in values.items()}
