"""The graph as a file that other programs read: GraphML, or JSON of nodes and edges."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx

from ragent.corpus.graph.knowledge import KnowledgeGraph
from ragent.errors import ConfigError


def export_graph(graph: KnowledgeGraph, path: Path) -> None:
    """Write a directed graph with an edge for each fact, by the suffix of `path`: `.graphml` or `.json`.

    Raises:
        ConfigError: the suffix is another one.
    """
    plain = nx.MultiDiGraph()
    for entity in graph.entities:
        plain.add_node(entity.id, name=_valid(entity.name), kind=entity.kind, mentions=entity.mentions)
    for fact in graph.facts:
        values = {
            "label": _valid(fact.label),
            "weight": fact.weight,
            "quote": _valid(fact.quote),
            "uri": fact.uri,
            "start": fact.start,
            "end": fact.end,
        }
        plain.add_edge(fact.source.id, fact.target.id, **values)
    if path.suffix == ".graphml":
        nx.write_graphml(plain, path, encoding="utf-8")
    elif path.suffix == ".json":
        data = nx.node_link_data(plain, edges="edges")
        path.write_text(json.dumps(data, ensure_ascii=False, indent=1), "utf-8")
    else:
        raise ConfigError(f"can't tell the format of {path.name}", hint="name a .graphml or a .json file")


def _valid(text: str) -> str:
    """Without the control characters that XML has no way to write."""
    return "".join(sign for sign in text if sign >= " " or sign in "\t\n\r")
