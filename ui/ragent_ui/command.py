"""`ragent ui`."""

from __future__ import annotations

from typing import Annotated

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)


@app.callback()
def ui(
    context: typer.Context,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on [\\[server] host]; another than this machine needs sign_in."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="[\\[server] ui_port]; 0: any that is free.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Chat with your documents in the browser; Ctrl-C ends it.

    It listens on this machine only, unless people have to sign in. With --json, stdout is told its url.
    """
    from ragent.config import find_config, find_home, load_settings
    from ragent_ui.serving import address, serve
    from ragent_ui.surroundings import opened

    face = Face(context, home, collection, as_json)
    folder = find_home(face.home)
    chosen = {"collection": face.collection} if face.collection else {}
    settings = load_settings(face.config or find_config(folder), **chosen)
    at = address(settings, host, port)

    def tell() -> None:
        if face.as_json:
            face.print_json({"url": at.url})
        else:
            face.console.print(f"ragent is at {at.url}  (Ctrl-C ends it)")

    with opened(folder, settings):
        serve(at, settings, browser=browser, on_start=tell)
