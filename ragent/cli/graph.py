"""`ragent graph`: who and what the documents speak of, and how they are connected."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption, display_uri

if TYPE_CHECKING:
    from ragent.corpus.graph.knowledge import Fact

app = typer.Typer(
    help="Who and what the documents speak of, and which sentences say how they are connected.",
    no_args_is_help=True,
)


@app.command()
def build(
    context: typer.Context,
    force: Annotated[bool, typer.Option("--force", help="Read all texts anew, not only new ones.")] = False,
    model: Annotated[
        bool,
        typer.Option("--model", help="Ask the language model, too, where the rules find no words. Slow."),
    ] = False,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the names in the documents, and what is said of them, into the graph.

    Only what is new since last time is read. What a document said goes with it.
    """
    from ragent.corpus.graph.building import build_graph
    from ragent.corpus.graph.reading import model_reader

    face = Face(context, home, collection, as_json)
    with face.rag() as rag, face.messages.status("reading") as status:
        report = build_graph(
            rag.store,
            rag.collection,
            force=force,
            reader=model_reader(rag.llm) if model else None,
            on_progress=lambda done: status.update(f"{done} passages read"),
        )
    if face.as_json:
        face.print_json(report)
        return
    face.console.print(
        f"read {report.chunks} new passages; the graph holds {report.entities} entities, mentioned "
        f"{report.mentions} times, and {report.relations} relations, {report.labelled} of them in words"
    )


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Who or what; none: all, by how often they are named.")] = "",
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many facts or names.")] = 20,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is said of someone or something, or who and what there is."""
    from ragent.corpus.graph.knowledge import KnowledgeGraph

    face = Face(context, home, collection, as_json)
    with face.rag() as rag:
        graph = KnowledgeGraph.load(rag.store, rag.collection)
    if not name:
        best = sorted(graph.entities, key=lambda entity: (-entity.mentions, entity.key))[:count]
        if face.as_json:
            face.print_json({"entities": best, "total": len(graph.entities)})
        for entity in () if face.as_json else best:
            face.console.print(f"{entity.mentions:5}  {entity.name}", end="", markup=False)
            face.console.print(f"  {entity.kind}", style="dim")
        return
    entity = graph.find(name)
    facts = graph.facts_of(entity)[:count]
    if face.as_json:
        face.print_json({"entity": entity, "facts": [_contract(fact) for fact in facts]})
        return
    face.console.print(f"{entity.name}, {entity.kind or 'a name'}, {entity.mentions} mentions", markup=False)
    for fact in facts:
        _print_fact(face, fact)


@app.command()
def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="Names whom or what it is about.", show_default=False)],
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many paths or facts.")] = 3,
    hops: Annotated[int, typer.Option("--hops", min=1, max=8, help="The longest path.")] = 4,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find how those that a question names are connected, with the sentence that proves each step.

    As in: ragent graph ask "How is Orla Tresk connected to MV Solan?"
    """
    from ragent.corpus.graph.asking import ask_graph
    from ragent.corpus.graph.knowledge import KnowledgeGraph

    face = Face(context, home, collection, as_json)
    with face.rag() as rag:
        answer = ask_graph(KnowledgeGraph.load(rag.store, rag.collection), question, count, hops)
    if face.as_json:
        paths = [[_contract(fact) for fact in path] for path in answer.paths]
        facts = [_contract(fact) for fact in answer.facts]
        face.print_json({"question": question, "entities": answer.entities, "paths": paths, "facts": facts})
        return
    for number, path in enumerate(answer.paths, 1):
        face.console.print(
            f"[bold]{number}[/bold]  {len(path)} steps" if len(path) > 1 else f"[bold]{number}[/bold]"
        )
        for fact in path:
            _print_fact(face, fact)
    for fact in answer.facts:
        _print_fact(face, fact)
    if not answer.paths and not answer.facts:
        face.messages.print(f"no path of {hops} steps or fewer")


@app.command()
def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A .graphml or .json file.", show_default=False)],
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the graph to a file: GraphML, which Gephi, yEd and networkx read, or JSON."""
    from ragent.corpus.graph.exporting import export_graph
    from ragent.corpus.graph.knowledge import KnowledgeGraph

    face = Face(context, home, collection, as_json)
    with face.rag() as rag:
        graph = KnowledgeGraph.load(rag.store, rag.collection)
    export_graph(graph, path)
    if face.as_json:
        face.print_json({"path": path, "nodes": len(graph.entities), "edges": len(graph.facts)})
    else:
        face.console.print(
            f"{len(graph.entities)} nodes and {len(graph.facts)} edges in {path}", markup=False
        )


def _contract(fact: Fact) -> dict[str, Any]:
    return asdict(fact) | {"source": fact.source.name, "target": fact.target.name}


def _print_fact(face: Face, fact: Fact) -> None:
    how = f"— {fact.label} →" if fact.label else "· with ·"
    face.console.print(f"  {fact.source.name} {how} {fact.target.name}", markup=False)
    page = f", page {fact.page}" if fact.page else ""
    where = f"{display_uri(fact.uri)}{page}, characters {fact.start}–{fact.end}"
    face.console.print(f"     “{' '.join(fact.quote.split())}”", markup=False, style="dim")
    face.console.print(f"     {where}", markup=False, style="cyan")
