"""`ragent prompts`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ragent.cli.face import Face, HomeOption, JsonOption
from ragent.errors import ConfigError

app = typer.Typer(help="What the model is told: named templates in files.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="A name of `ragent prompts list`.")]


@app.command("list")
def list_prompts(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the templates: those that come with ragent, and yours in HOME/prompts, which win."""
    from ragent.prompts import load_prompt, prompt_names

    face = Face(context, home, None, as_json)
    folder = _folder(face)
    found = [load_prompt(name, folder) for name in prompt_names(folder)]
    if face.as_json:
        face.print_json(
            [
                {
                    "name": prompt.name,
                    "version": prompt.version,
                    "description": prompt.description,
                    "variables": prompt.variables,
                }
                for prompt in found
            ]
        )
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("name", "version", "values", "what for", box=None)
    for prompt in found:
        table.add_row(prompt.name, prompt.version, ", ".join(prompt.variables), escape(prompt.description))
    face.console.print(table)


@app.command()
def show(
    context: typer.Context, name: NameArgument, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Show a template's file. To change it, save it as HOME/prompts/NAME.jinja."""
    from ragent.prompts import load_prompt

    face = Face(context, home, None, as_json)
    prompt = load_prompt(name, _folder(face))
    if face.as_json:
        face.print_json(prompt)
    else:
        typer.echo(prompt.text, nl=False)


@app.command()
def render(
    context: typer.Context,
    name: NameArgument,
    var: Annotated[
        list[str] | None,
        typer.Option("--var", metavar="NAME=VALUE", help="A value; JSON where it begins with [ or {."),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            "--budget", min=1, metavar="N", help="Tokens it may have [what the model has room for]."
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a prompt as the model would read it, its tokens, and the passages that there is no room for.

    Example: ragent prompts render answer --var question='Who signs?' --var 'passages=["Ann signs."]'
    """
    from ragent.prompts import load_prompt, preview

    face = Face(context, home, None, as_json)
    values = dict(_value(pair) for pair in var or ())
    with face.rag() as rag:
        template = load_prompt(name, rag.home / "prompts")
        room = rag.llm.context_tokens - rag.settings.llm.max_tokens
        shown = preview(template, values, count_prompt=rag.llm.count_prompt, budget=budget or room)
    if face.as_json:
        face.print_json(shown)
        return
    for message in shown.messages:
        face.console.print(f"[{message.role}]", markup=False, style="bold")
        face.console.print(message.content, markup=False)
    face.messages.print(f"{shown.tokens} tokens, of {shown.budget}", style="dim")
    for passage in shown.left_out:
        text = passage["text"] if isinstance(passage, dict) else str(passage)
        face.messages.print(f"left out: {text}", markup=False, style="yellow")


def _value(pair: str) -> tuple[str, Any]:
    name, equals, text = pair.partition("=")
    if not equals or not name.isidentifier():
        raise ConfigError(f"--var {pair!r} is not NAME=VALUE", hint="--var question='Who signs?'")
    if not text.startswith(("[", "{")):
        return name, text
    try:
        return name, json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the value of {name} begins like JSON, but is none: {error}") from None


def _folder(face: Face) -> Path:
    from ragent.config import find_home

    return find_home(face.home) / "prompts"
