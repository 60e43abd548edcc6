"""`ragent search`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption, display_uri
from ragent.errors import ConfigError

if TYPE_CHECKING:
    from ragent.types import Hit


class Mode(StrEnum):
    """Which engines search."""

    hybrid = "hybrid"
    dense = "dense"
    keyword = "keyword"


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="What to look for.", show_default=False)] = "",
    k: Annotated[int, typer.Option("-k", min=1, help="How many passages.")] = 10,
    mode: Annotated[Mode | None, typer.Option("--mode", help="Which engines search [hybrid].")] = None,
    queries: Annotated[
        Path | None, typer.Option("--queries", metavar="FILE", help='Many: JSON Lines of {"_id", "text"}.')
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="FILE", help="With --queries: write a TREC run there.")
    ] = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the passages that fit a query best, by words and by meaning."""
    face = Face(context, home, collection, as_json)
    if (queries is None) != (run is None) or (queries is None) == (not query):
        raise ConfigError("name a QUERY, or both --queries FILE and --run FILE")
    if queries and run:
        _search_many(face, queries, run, k, mode)
        return
    with face.rag() as rag:
        result = rag.search(query, k, mode=mode.value if mode else None)
    if face.as_json:
        face.print_json(result)
        return
    for hit in result.hits:
        _print_hit(face, hit)
    if not result.hits:
        face.messages.print("nothing found")


def _print_hit(face: Face, hit: Hit) -> None:
    page = f", page {hit.page}" if hit.page else ""
    where = f"{display_uri(hit.uri)}{page}, characters {hit.start}–{hit.end}"
    face.console.print(f"[bold]{hit.rank}[/bold]  {hit.score:.3f}  ", end="")
    face.console.print(where, style="cyan", markup=False)
    face.console.print(" ".join(hit.text.split())[:300], markup=False, style="dim")
    face.console.print()


def _search_many(face: Face, queries: Path, run: Path, k: int, mode: Mode | None) -> None:
    from ragent.retrieval import read_queries, write_run

    asked = read_queries(queries)
    with face.rag() as rag:
        results = rag.search_many(list(asked.values()), k, mode=mode.value if mode else None)
    write_run(run, dict(zip(asked, results, strict=True)))
    if face.as_json:
        face.print_json({"queries": len(asked), "run": run})
    else:
        face.console.print(f"{len(asked)} queries: wrote {run}")
