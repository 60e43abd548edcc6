"""`ragent chat`."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.answers import answer_contract, drafting, print_answer
from ragent.cli.background import stopped_by_ctrl_c
from ragent.cli.face import (
    FAILED,
    INTERRUPTED,
    PARTLY_FAILED,
    CollectionOption,
    Face,
    HomeOption,
    JsonOption,
    error_contract,
)
from ragent.cli.search import FilterOption, Mode, RerankOption, TechniqueOption, search_arguments

if TYPE_CHECKING:
    from ragent.cli.talk import Talk


def chat(
    context: typer.Context,
    go_on: Annotated[bool, typer.Option("--continue", help="Go on with the last conversation.")] = False,
    k: Annotated[
        int | None, typer.Option("-k", min=1, help="Passages put before the model [6].", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Another model, by name or path.")
    ] = None,
    mode: Annotated[Mode | None, typer.Option("--mode", help="Which engines search.")] = None,
    filters: FilterOption = None,
    rerank: RerankOption = None,
    technique: TechniqueOption = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask your documents in the terminal, one question after the other, each in the light of those before.

    The draft streams as it is written; then the checked answer takes its place, with its quotes. /help
    tells what else there is. Ctrl-C stops an answer, twice it ends the chat, as does Ctrl-D. What is said
    is kept in the home, as on the chat page.

    Where stdin is no terminal, or with --json, each line of stdin is a question; with --json, stdout has one
    line of JSON for each, of the form of `ragent ask --json`, or {"error": {"type", "message", "hint"}}.
    Exit code 3 if some of them failed, 1 if all did.
    """
    face = Face(context, home, collection, as_json)
    settings: dict[str, Any] = {"llm": {"model": model}} if model else {}
    with face.rag(**settings) as rag:
        from ragent.cli.talk import Talk

        talk = Talk(rag, k, search_arguments(mode, filters, rerank, technique))
        _ = rag.collection  # says so now if there is nothing to ask
        found = go_on and talk.go_on()
        if go_on and not found:
            face.messages.print("there is no conversation yet: this is a new one")
        if face.as_json or not sys.stdin.isatty():
            code = _answer_lines(face, talk)
        else:
            from ragent.cli.prompt import Prompt

            code = Prompt(face, talk).run()
        if code == INTERRUPTED and talk.is_busy:
            sys.stdout.flush()
            os._exit(code)  # who interrupts doesn't want to wait for the model; what is on disk is whole
        talk.close()
    sys.exit(code)


def _answer_lines(face: Face, talk: Talk) -> int:
    asked = failed = 0
    for line in sys.stdin.buffer:
        question = line.decode("utf-8", "replace").strip()
        if not question:
            continue
        asked += 1
        stop = threading.Event()
        with stopped_by_ctrl_c(stop):
            failed += not _answer_line(face, talk, question, stop)
        if stop.is_set():
            face.messages.print("interrupted")
            return INTERRUPTED
    return 0 if not failed else PARTLY_FAILED if failed < asked else FAILED


def _answer_line(face: Face, talk: Talk, question: str, stop: threading.Event) -> bool:
    with drafting(face) as show:
        answer = None
        for piece in talk.ask(question, stop):
            if isinstance(piece, str):
                show(piece)
            else:
                answer = piece
    if answer is not None and face.as_json:
        face.print_json(answer_contract(answer))
    elif answer is not None:
        print_answer(face, answer)
        face.console.print()
    if talk.error is not None and face.as_json:
        face.print_json(error_contract(talk.error))
    if talk.error is not None:
        face.messages.print(f"error: {talk.error}", markup=False, style="red")
    return answer is not None
