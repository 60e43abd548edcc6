"""`ragent ask`."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption, display_uri, read_schema
from ragent.cli.search import FilterOption, Mode, RerankOption, TechniqueOption, search_arguments
from ragent.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragent.types import Answer, Message


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    k: Annotated[
        int | None, typer.Option("-k", min=1, help="Passages put before the model [6].", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Another model, by name or path.")
    ] = None,
    mode: Annotated[Mode | None, typer.Option("--mode", help="Which engines search [hybrid].")] = None,
    filters: FilterOption = None,
    rerank: RerankOption = None,
    technique: TechniqueOption = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--style",
            metavar="STYLE",
            help="quote (verbatim), draft (own words), think (reason first), extract (no model) [auto].",
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
        answer = _follow(face, rag.stream(question, k, history=turns, schema=wanted, **options))
    if face.as_json:
        value = {"value": answer.value} if schema else {}
        face.print_json(_contract(answer) | value)
    else:
        _print_answer(face, answer)
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


def _follow(face: Face, stream: Iterator[str | Answer]) -> Answer:
    """Show the draft while it grows, where a person is watching, and return the answer."""
    from rich.live import Live
    from rich.text import Text

    from ragent.types import Answer

    draft = Text(style="dim")
    watching = not face.as_json and face.messages.is_terminal
    with (
        Live(draft, console=face.messages, transient=True, auto_refresh=False)
        if watching
        else _Quiet() as live
    ):
        for piece in stream:
            if isinstance(piece, Answer):
                return piece
            draft.append(piece)
            live.update(draft, refresh=True)
    raise RuntimeError("the stream ended without an answer")


class _Quiet:
    """Stands in for the live display where nobody watches."""

    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, *_: object, **__: object) -> None:
        """Show nothing."""


_CITED = ("marker", "uri", "page", "start", "end", "quote", "support")


def _print_answer(face: Face, answer: Answer) -> None:
    from rich.text import Text

    from ragent.rag.showing import unwrapped

    face.console.print(answer.text, markup=False, style="yellow" if answer.abstained else "")
    for citation in answer.citations:
        page = f", page {citation.page}" if citation.page else ""
        where = f"{display_uri(citation.uri)}{page}, characters {citation.start}–{citation.end}"
        face.console.print()
        face.console.print(f"[{citation.marker}] {where}", markup=False, style="cyan")
        quote = Text(indent(f'"{unwrapped(citation.quote)}"', "    "))
        if citation.short:
            quote.highlight_words([" ".join(citation.short.split())], "bold")
        face.console.print(quote)
    if answer.understood and answer.understood != answer.question:
        face.messages.print(f"understood as: {answer.understood}", markup=False, style="dim")
    for kind, what in (
        ("passage", "passages shortened or left out"),
        ("example", "examples left out"),
        ("turn", "turns of the conversation left out"),
    ):
        if count := sum(dropped.kind == kind for dropped in answer.dropped):
            face.messages.print(f"{what}: {count} (--json lists them)", style="dim")
    for dropped in answer.dropped:
        if dropped.kind == "sentence":
            text = " ".join(dropped.text.split())
            face.messages.print(f"dropped ({dropped.reason}): {text}", markup=False, style="dim")


def _contract(answer: Answer) -> dict[str, Any]:
    extra = {name: said for name in ("understood", "reasoning") if (said := getattr(answer, name))}
    return extra | {
        "answer": answer.text,
        "abstained": answer.abstained,
        "support": answer.support,
        "citations": [
            {name: getattr(c, name) for name in _CITED} | ({"short": c.short} if c.short else {})
            for c in answer.citations
        ],
        "dropped": answer.dropped,
        "prompts": answer.prompts,
        "usage": answer.usage,
        "timings": answer.timings,
    }
