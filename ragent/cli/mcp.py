"""`ragent mcp`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption
from ragent.config import SECRET_PREFIX
from ragent.errors import MissingExtraError

_TOKEN = SECRET_PREFIX + "MCP"


def mcp(
    context: typer.Context,
    http: Annotated[bool, typer.Option("--http", help="Over HTTP instead of stdin and stdout.")] = False,
    host: Annotated[str, typer.Option("--host", help="With --http: the address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="With --http; 0: any that is free.")
    ] = 8765,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", metavar="NAME", help="With --http: another name by which callers may reach it."
        ),
    ] = None,
    roots: Annotated[
        list[Path] | None,
        typer.Option(
            "--allow-ingest",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Offer `ingest`, too, for files below this folder; as often as needed.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
) -> None:
    """Offer search, ask and open to other programs, over the Model Context Protocol.

    They start this command themselves; docs/mcp.md says what to write in their settings. With --http, callers
    must send the token in RAGENT_SECRET_MCP as a bearer token, if it is set.
    """
    try:
        from ragent.mcp import Address, make_server, serve_http, serve_stdio
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"`ragent mcp` needs a package that is not installed: {error.name}",
            hint='pip install "ragent[mcp]"',
        ) from error
    face = Face(context, home, collection)
    with face.rag() as rag:
        server = make_server(rag, roots or ())
        if http:
            address = Address(host, port, os.environ.get(_TOKEN, ""), tuple(names or ()))
            serve_http(server, address, lambda url: typer.echo(f"listening on {url}", err=True))
        else:
            serve_stdio(server)
