"""`ragent serve`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption
from ragent.errors import MissingExtraError


def serve(
    context: typer.Context,
    host: Annotated[
        str | None,
        typer.Option("--host", help="Where to listen (default: 127.0.0.1).", show_default=False),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=0, max=65535, help="Default: 8000; 0: any that is free.", show_default=False
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Let whoever reaches the address do anything, without signing in."),
    ] = False,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve programs over HTTP, in the way of OpenAI's API and with what ragent knows besides.

    Clients that speak to OpenAI need only another base URL: http://127.0.0.1:8000/v1, with the model
    "ragent". It then answers from the documents, with citations. docs/server.md shows how.

    It listens on this machine only, and nobody has to sign in. For others, set server.sign_in in
    ragent.toml, add people (ragent people add) and keys for programs (ragent keys add). Ctrl-C ends it once
    answers that are being written are finished. With --json, stdout is told its url.
    """
    try:
        from ragent.server import leave, listen
        from ragent.server import serve as run
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"`ragent serve` needs a package that is not installed: {error.name}",
            hint='pip install "ragent[server]"',
        ) from error
    from ragent.config import find_config, find_home, load_settings
    from ragent.service import Service

    face = Face(context, home, collection, as_json)
    found = find_home(face.home)
    changes: dict[str, Any] = {"collection": face.collection} if face.collection else {}
    where = {"host": host, "port": port}
    given = {name: value for name, value in where.items() if value is not None}
    settings = load_settings(face.config or find_config(found), **changes, server=given)
    listening = listen(settings.server, insecure=insecure)
    service = Service.open(found, settings)

    def tell() -> None:
        typer.echo(f"listening on {listening.url}", err=True)
        if face.as_json:
            face.print_json({"url": listening.url})

    try:
        run(service, listening, tell)
    finally:
        service.close()
    leave()
