"""`ragent init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragent.cli.face import Face, JsonOption
from ragent.errors import ConfigError


def init(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="The file to write.", show_default=True)] = Path("ragent.toml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a ragent.toml with every setting, its default and its meaning."""
    from ragent.config import render_toml

    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(render_toml())
    except FileExistsError:
        raise ConfigError(f"{path} is there already", hint="--force overwrites it") from None
    except OSError as error:
        raise ConfigError(f"can't write {path}: {error.strerror}") from error
    face = Face(context, as_json=as_json)
    if face.as_json:
        face.print_json({"path": path})
    else:
        typer.echo(f"wrote {path}")
