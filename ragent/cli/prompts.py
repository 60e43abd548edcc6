"""`ragent prompts`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import Face, HomeOption, JsonOption
from ragent.errors import ConfigError

if TYPE_CHECKING:
    from ragent.prompts import PromptTemplate

app = typer.Typer(help="What the model is told: named templates in files.", no_args_is_help=True)

NameArgument = Annotated[
    str, typer.Argument(help="A name of `ragent prompts list`; NAME@2 is its version 2, not the newest.")
]


@app.command("list")
def list_prompts(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the templates: those that come with ragent, and yours in HOME/prompts, which win."""
    from ragent.prompts import prompt_names, prompt_versions

    face = Face(context, home, None, as_json)
    folder = _folder(face)
    found = [prompt_versions(name, folder) for name in prompt_names(folder)]
    if face.as_json:
        face.print_json(
            [_contract(newest) | {"versions": _numbers([newest, *others])} for newest, *others in found]
        )
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("name", "version", "values", "what for", box=None)
    table.columns[0].no_wrap = True
    for newest, *others in found:
        also = f" (also {', '.join(map(str, _numbers(others)))})" if others else ""
        version = f"{newest.version}{', yours' if newest.is_own else ''}{also}"
        values = ", ".join(newest.variables)
        table.add_row(newest.name, version, values, escape(newest.description))
    face.console.print(table)


@app.command()
def show(
    context: typer.Context, name: NameArgument, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Show a template's file. To change it, save it as HOME/prompts/NAME.jinja, or NAME@2.jinja beside it."""
    from ragent.prompts import load_prompt

    face = Face(context, home, None, as_json)
    prompt = load_prompt(name, _folder(face))
    if face.as_json:
        face.print_json(_contract(prompt) | {"text": prompt.text})
    else:
        typer.echo(prompt.text, nl=False)
        whose = "yours" if prompt.is_own else "comes with ragent"
        face.messages.print(f"version {prompt.version}, {whose}, digest {prompt.digest}", style="dim")


@app.command()
def render(
    context: typer.Context,
    name: NameArgument,
    var: Annotated[
        list[str] | None,
        typer.Option("--var", metavar="NAME=VALUE", help="A value; JSON where it begins with [ or {."),
    ] = None,
    values_file: Annotated[
        Path | None,
        typer.Option(
            "--values",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="A JSON object with values; those of --var win.",
        ),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            "--budget", min=1, metavar="N", help="Tokens it may have \\[what the model has room for]."
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a prompt as the model would read it, its tokens, and what there is no room for.

    Example: ragent prompts render answer --var question='Who signs?' --var 'passages=["Ann signs."]'
    """
    from ragent.prompts import load_prompt, preview

    face = Face(context, home, None, as_json)
    values = _values(values_file) | dict(_value(pair) for pair in var or ())
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
    for part, items in shown.left_out.items():
        for item in items:
            text = item["text"] if isinstance(item, dict) and "text" in item else item
            face.messages.print(f"left out of {part}: {text}", markup=False, style="yellow")


def _contract(prompt: PromptTemplate) -> dict[str, Any]:
    return {
        "name": prompt.name,
        "version": prompt.version,
        "digest": prompt.digest,
        "yours": prompt.is_own,
        "description": prompt.description,
        "variables": prompt.variables,
        "gives_way": prompt.gives_way,
    }


def _numbers(prompts: list[PromptTemplate]) -> list[int]:
    return sorted({prompt.version for prompt in prompts})


def _values(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no JSON object", hint='{"question": "Who signs?"}')
    return values


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
