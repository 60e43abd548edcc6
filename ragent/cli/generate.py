"""`ragent generate`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ragent.cli.face import Face, HomeOption, JsonOption, read_schema

SchemaFile = Annotated[
    Path,
    typer.Option("--schema", metavar="FILE", exists=True, dir_okay=False, help="A file with a JSON Schema."),
]


def generate(
    context: typer.Context,
    prompt: Annotated[str, typer.Argument(help="What to say to the model; - reads it from stdin.")],
    schema: SchemaFile,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Another model, by name or path.")
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", min=1, metavar="N", help="The longest value [256].", show_default=False),
    ] = None,
    best_of: Annotated[
        int,
        typer.Option("--best-of", min=1, max=64, metavar="N", help="Write N values, keep the likeliest."),
    ] = 1,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the model write a JSON value that is valid against a schema; stdout carries nothing else.

    The schema holds while the model writes: at every token, only those that lead to a valid value can be
    chosen. Near the limit of tokens, what is open is closed the shortest way. Of what can't be held to
    while writing (`uniqueItems`, say), stderr tells; it is checked afterwards, and the model asked again.

    Example: ragent generate "A pilot boat in trouble" --schema ticket.json
    """
    face = Face(context, home, None, as_json)
    wanted = read_schema(schema)
    said = sys.stdin.read() if prompt == "-" else prompt
    settings: dict[str, Any] = {"llm": {"model": model}} if model else {}
    with face.rag(**settings) as rag:
        made = rag.generate(said, wanted, max_tokens=max_tokens, best_of=best_of)
    for warning in made.warnings:
        face.messages.print(f"checked afterwards: {warning}", markup=False, style="dim")
    if made.closed:
        face.messages.print("cut short: a part ended before the model would have ended it", style="yellow")
    if face.as_json:
        face.print_json(made.value)
    else:
        typer.echo(json.dumps(made.value, ensure_ascii=False, indent=2))
