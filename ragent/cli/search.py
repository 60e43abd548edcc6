"""`ragent search`."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption, display_uri
from ragent.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragent.rag import SearchArguments
    from ragent.types import Explanation, Hit, SearchResult

FilterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="CONDITION",
        help="Only what meets this, as year>=2020 or lang=de. Several: all of them.",
        show_default=False,
    ),
]
RerankOption = Annotated[
    list[str] | None,
    typer.Option(
        "--rerank",
        metavar="NAME",
        help="Let a reranker order the best. Several: in turn.",
        show_default=False,
    ),
]
TechniqueOption = Annotated[
    list[str] | None,
    typer.Option(
        "--technique",
        metavar="NAME",
        help="Search in another way, as multihop. Several: each with the next.",
        show_default=False,
    ),
]


class Mode(StrEnum):
    """Which engines search."""

    hybrid = "hybrid"
    dense = "dense"
    keyword = "keyword"


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="What to look for.", show_default=False)] = "",
    k: Annotated[int, typer.Option("-k", min=1, help="How many passages.")] = 10,
    mode: Annotated[Mode | None, typer.Option("--mode", help="Which engines search \\[hybrid].")] = None,
    filters: FilterOption = None,
    rerank: RerankOption = None,
    technique: TechniqueOption = None,
    by_document: Annotated[
        bool, typer.Option("--by-document", help="Only the best passage of each document.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say why each passage was found.")] = False,
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
    options = search_arguments(mode, filters, rerank, technique)
    options["by_document"], options["explain"] = by_document, explain
    if queries and run:
        _search_many(face, queries, run, k, options)
        return
    with face.rag() as rag:
        result = rag.search(query, k, **options)
    if face.as_json:
        face.print_json(_contract(result, explain))
        return
    for hit in result.hits:
        _print_hit(face, hit)
    if not result.hits:
        face.messages.print("nothing found")


def search_arguments(
    mode: Mode | None, filters: list[str] | None, rerank: list[str] | None, technique: list[str] | None
) -> SearchArguments:
    """The options as `Rag.search` takes them. The name `none` turns off what the settings name."""
    return {
        "mode": mode.value if mode else None,
        "where": filters or None,
        "rerank": [name for name in rerank if name != "none"] if rerank else None,
        "technique": [name for name in technique if name != "none"] if technique else None,
    }


def _contract(result: SearchResult, explain: bool) -> dict[str, Any]:
    hits = [asdict(hit) for hit in result.hits]
    if not explain:
        for hit in hits:
            del hit["explanation"]
    return {"query": result.query, "hits": hits, "plan": result.plan, "relevance": result.relevance}


def _print_hit(face: Face, hit: Hit) -> None:
    page = f", page {hit.page}" if hit.page else ""
    where = f"{display_uri(hit.uri)}{page}, characters {hit.start}–{hit.end}"
    face.console.print(f"[bold]{hit.rank}[/bold]  {hit.score:.3f}  ", end="")
    face.console.print(where, style="cyan", markup=False)
    face.console.print(" ".join(hit.text.split())[:300], markup=False, style="dim")
    if hit.explanation:
        for line in _reasons(hit.explanation):
            face.console.print(f"   {line}", markup=False)
    face.console.print()


def _reasons(why: Explanation) -> Iterator[str]:
    yield why.fusion
    if why.dense is not None:
        yield f"meaning: cosine {why.dense:.3f}"
    if why.keyword is not None:
        words = ", ".join(f"{word} {score:.2f}" for word, score in why.terms.items())
        yield f"words: BM25 {why.keyword:.2f}" + (f" ({words})" if words else "")
    for stage, score in why.stages.items():
        yield f"{stage}: {score:.4f}"


def _search_many(face: Face, queries: Path, run: Path, k: int, options: SearchArguments) -> None:
    from ragent.retrieval import read_queries, write_run

    asked = read_queries(queries)
    with face.rag() as rag:
        results = rag.search_many(list(asked.values()), k, **options)
    write_run(run, dict(zip(asked, results, strict=True)))
    if face.as_json:
        face.print_json({"queries": len(asked), "run": run})
    else:
        face.console.print(f"{len(asked)} queries: wrote {run}")
