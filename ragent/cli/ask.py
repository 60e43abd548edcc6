"""`ragent ask`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.answers import answer_contract, follow, print_answer
from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption, read_schema
from ragent.cli.search import FilterOption, Mode, RerankOption, TechniqueOption, search_arguments
from ragent.errors import ConfigError

if TYPE_CHECKING:
    from ragent.types import Message


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    k: Annotated[
        int | None, typer.Option("-k", min=1, help="Passages put before the model [6].", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Another model, by name or path.")
    ] = None,
    mode: Annotated[Mode | None, typer.Option("--mode", help="Which engines search \\[hybrid].")] = None,
    filters: FilterOption = None,
    rerank: RerankOption = None,
    technique: TechniqueOption = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--style",
            metavar="STYLE",
            help="quote (verbatim), draft (own words), think (reason first), extract (no model) \\[auto].",
        ),
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option(
            "--schema", metavar="FILE", exists=True, dir_okay=False, help="Also put it into this JSON Schema."
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help='The conversation before it, as JSON: [{"role": "user", "content": "…"}, …].',
        ),
    ] = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from your documents, with verbatim quotes, or say that they don't tell.

    The model's draft streams as it is written; what stays is the part of it that the documents prove.
    """
    face = Face(context, home, collection, as_json)
    settings: dict[str, Any] = {"llm": {"model": model}} if model else {}
    if style:
        settings["ask"] = {"style": style}
    wanted = read_schema(schema) if schema else None
    turns = _read_history(history) if history else ()
    with face.rag(**settings) as rag:
        options = search_arguments(mode, filters, rerank, technique)
        answer = follow(face, rag.stream(question, k, history=turns, schema=wanted, **options))
    if face.as_json:
        value = {"value": answer.value} if schema else {}
        face.print_json(answer_contract(answer) | value)
    else:
        print_answer(face, answer)
        if schema and not answer.abstained:
            face.console.print()
            typer.echo(json.dumps(answer.value, ensure_ascii=False, indent=2))


def _read_history(path: Path) -> tuple[Message, ...]:
    from ragent.types import Message

    try:
        turns = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from None
    for number, turn in enumerate(turns if isinstance(turns, list) else [None], start=1):
        said = turn if isinstance(turn, dict) else {}
        if said.get("role") not in ("user", "assistant") or not isinstance(said.get("content"), str):
            raise ConfigError(
                f"{path} is not a conversation: turn {number} is none",
                hint='[{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]',
            )
    return tuple(Message(turn["role"], turn["content"]) for turn in turns)
