"""Shows answers: while they are written, when they are there, and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from textwrap import indent
from typing import TYPE_CHECKING, Any

from ragent.cli.face import Face, display_uri

if TYPE_CHECKING:
    from ragent.types import Answer


def follow(face: Face, stream: Iterator[str | Answer]) -> Answer:
    """Show the draft while it grows, where a person is watching, and return the answer."""
    with drafting(face) as show:
        for piece in stream:
            if not isinstance(piece, str):
                return piece
            show(piece)
    raise RuntimeError("the stream ended without an answer")


@contextmanager
def drafting(face: Face) -> Iterator[Callable[[str], None]]:
    """Shows pieces of a draft, where a person is watching; afterwards it is gone."""
    if face.as_json or not face.messages.is_terminal:
        yield lambda piece: None
        return
    from rich.live import Live
    from rich.text import Text

    draft = Text("…", style="dim")
    written: list[str] = []
    with Live(draft, console=face.messages, transient=True, auto_refresh=False) as live:

        def show(piece: str) -> None:
            written.append(piece)
            draft.plain = "".join(written)
            live.update(draft, refresh=True)

        yield show


_CITED = ("marker", "uri", "page", "start", "end", "quote", "support")


def print_answer(face: Face, answer: Answer) -> None:
    """The answer, its citations, and on stderr what was left out."""
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


def answer_contract(answer: Answer) -> dict[str, Any]:
    """An answer as `--json` gives it."""
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
