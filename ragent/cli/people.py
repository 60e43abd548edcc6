"""`ragent people`: who may sign in."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption
from ragent.errors import ConfigError

if TYPE_CHECKING:
    from ragent.service.access import Role
    from ragent.service.people import People
    from ragent.store import Store

app = typer.Typer(
    help="Who may sign in to the chat page and the server, where server.sign_in says so.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(help="Their name.", show_default=False)]
RoleOption = Annotated[
    str, typer.Option("--role", help="reader: asks; editor: also ingests, forgets; admin: all.")
]


@app.command("add")
def add(
    context: typer.Context,
    name: NameArgument,
    role: RoleOption = "reader",
    by_proxy: Annotated[
        bool, typer.Option("--by-proxy", help="No password: a proxy in front says who they are.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let somebody in. The password is asked for, or read from stdin: it never stands in a command."""
    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        _people(rag.store).add(name, _role(role), "" if by_proxy else _password())
    if face.as_json:
        face.print_json({"added": name, "role": role})


@app.command("list")
def list_people(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List who may sign in, and as what."""
    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        found = _people(rag.store).all()
    if face.as_json:
        face.print_json([{"name": one.name, "role": one.role, "disabled": one.disabled} for one in found])
        return
    for one in found:
        face.console.print(f"{one.name}: {one.role}{', disabled' if one.disabled else ''}", markup=False)


@app.command("change")
def change(
    context: typer.Context,
    name: NameArgument,
    role: Annotated[str, typer.Option("--role", help="reader, editor or admin.", show_default=False)] = "",
    password: Annotated[bool, typer.Option("--password", help="Ask for another password.")] = False,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Let them in no longer, or again.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change somebody's role or password, or disable them."""
    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        new = _password() if password else ""
        _people(rag.store).change(name, role=_role(role) if role else None, password=new, disabled=disabled)
    if face.as_json:
        face.print_json({"changed": name})


@app.command("remove")
def remove(
    context: typer.Context, name: NameArgument, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Let somebody in no longer. Their keys stop working; their conversations stay in the home."""
    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        _people(rag.store).remove(name)
    if face.as_json:
        face.print_json({"removed": name})


@app.command("grant")
def grant(
    context: typer.Context,
    name: NameArgument,
    role: Annotated[str, typer.Argument(help="reader, editor, admin, or none.", show_default=False)],
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give somebody a role in a collection. With the first grant it is nobody else's (admins excepted)."""
    from ragent.store import people

    face = Face(context, home, collection, as_json)
    given = None if role == "none" else _role(role)
    with face.rag() as rag, rag.store.writing() as connection:
        if given and people.find_person(connection, name) is None:
            raise ConfigError(f"nobody is called {name!r}", hint="ragent people list")
        people.set_grant(connection, rag.settings.collection, name, given)
        left = people.grants_of(connection, rag.settings.collection)
        told = {"collection": rag.settings.collection, "grants": left}
    if face.as_json:
        face.print_json(told)


def _people(store: Store) -> People:
    from ragent.service.people import People

    return People(store)


def _role(text: str) -> Role:
    from ragent.service.access import role_of

    return role_of(text)


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first, again = getpass.getpass("Password: "), getpass.getpass("Again: ")
    if first != again:
        raise ConfigError("the two are not the same")
    return first
