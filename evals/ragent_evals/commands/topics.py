"""`ragent eval topics`: measure the topics of a collection."""

from __future__ import annotations

import time
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption


def topics(
    context: typer.Context,
    count: Annotated[
        int | None,
        typer.Option("-n", "--count", min=1, help="How many topics \\[as `ragent topics` chooses]."),
    ] = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a collection's topics: do their words belong together, do they keep folders apart?

    Coherence is normalised pointwise mutual information, from -1 to 1. Purity takes the folder that a
    document lies in as its kind; with a single folder it says nothing, and is left out.
    """
    from ragent.corpus.topics.topics import find_topics
    from ragent_evals.metrics.topics import purity, topic_coherence

    began = time.perf_counter()
    face = Face(context, home, collection, as_json)
    with face.rag() as rag, face.messages.status("grouping"):
        found = find_topics(rag.store, rag.collection, count)
        known = rag.store.known_documents(rag.collection.id).values()
    folders = {one.id: unquote(urlsplit(one.uri).path).rpartition("/")[0].rpartition("/")[2] for one in known}
    labels = [folders[one.document_id] for one in found.placed]
    metrics = {"npmi": topic_coherence(found)}
    if len(set(labels)) > 1:
        metrics["purity"] = purity([one.topic for one in found.placed], labels)
    counts = {"topics": len(found.topics), "cases": len(found.placed), "folders": len(set(labels))}
    seconds = round(time.perf_counter() - began, 3)
    if face.as_json:
        face.print_json({**counts, "metrics": metrics, "seconds": seconds})
        return
    told = "  ".join(f"{name} {of.value:.3f} ({of.low:.3f} to {of.high:.3f})" for name, of in metrics.items())
    face.console.print(
        f"{counts['topics']} topics of {counts['cases']} passages in {counts['folders']} folders: {told}"
    )
