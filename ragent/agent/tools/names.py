"""Looks names up in the graph of passages and the names in them (`ragent.index.names`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext
from ragent.agent.tools.showing import bounded
from ragent.errors import ToolError
from ragent.index.names import key_of, names_of, normalise
from ragent.rag import Rag
from ragent.rag.showing import place
from ragent.retrieval.techniques.naming import complete_names
from ragent.store import Passage
from ragent.types import Tool

_MOST_PASSAGES = 10
_MOST_READ = 500
_MOST_NEIGHBOURS = 15
_AROUND = 100


def open_lookup_name(context: ToolContext) -> Tool:
    """The tool `lookup_name`. Raises ConfigError without documents."""
    rag = context.require_rag("lookup_name")

    @tool(pure=True, tainted=True)
    def lookup_name(name: str) -> str:
        """Look up a name (of a person, place, organisation, product, an identifier) in the user's documents.

        Tells which documents mention it and where, and which other names are mentioned beside it: the way
        from one thing to another that is linked with it.

        Args:
            name: as it is written, as Marie Curie or ACME-42; capitals don't matter.
        """
        wanted = normalise(name)
        if not wanted:
            raise ToolError("the name is empty")
        chunks = _mentioning(rag, wanted)
        if not chunks:
            return f"No passage mentions {wanted!r} as a name; search may find it as a word."
        passages = list(rag.store.passages(rag.collection.id, chunks[:_MOST_READ]).values())
        return bounded(_told(wanted, passages, len(chunks)), context.settings.result_chars)

    return lookup_name


def _mentioning(rag: Rag, name: str) -> list[int]:
    """The chunks in which a name was found, by id."""
    with rag.store.snapshot(rag.collection) as snapshot:
        held = {chunk: data for rows in snapshot.named() for chunk, _, data in rows}
    key = key_of(name)
    names = complete_names(rag.store, rag.collection, held)
    return [chunk for chunk, keys in sorted(names.items()) if np.isin(key, keys)]


def _told(name: str, passages: Sequence[Passage], count: int) -> str:
    documents = len({passage.document_id for passage in passages})
    shown = passages[:_MOST_PASSAGES]
    lines = [f"{name!r} is mentioned in {count} passages of {documents} documents:"]
    lines += [f"[{number}] {_mention(name, passage)}" for number, passage in enumerate(shown, 1)]
    if count > len(shown):
        lines.append(f"[{count - len(shown)} more passages]")
    beside = _beside(name, passages)
    lines.append(f"Mentioned beside it: {beside or 'no other name'}")
    return "\n".join(lines)


def _mention(name: str, passage: Passage) -> str:
    """Where a passage stands, and its words around the name."""
    where = place(passage.uri, passage.page, passage.start, passage.end)
    found = passage.text.casefold().find(name.split()[0])
    first = max(0, found - _AROUND)
    words = " ".join(passage.text[first : max(found, 0) + 2 * _AROUND].split())
    return f"{where}: …{words}…"


def _beside(name: str, passages: Sequence[Passage]) -> str:
    """Names that share passages with a name, most often first, with how many they share."""
    own = set(name.split()) | {name}
    counts: Counter[str] = Counter()
    for passage in passages:
        counts.update(names_of(f"{passage.context}\n{passage.text}") - own)
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], -len(entry[0]), entry[0]))
    # "ada" says nothing more where "ada lovelace" is named as often.
    whole = [
        (other, count)
        for place, (other, count) in enumerate(ranked)
        if not any(count == more and f" {other} " in f" {longer} " for longer, more in ranked[:place])
    ]
    return ", ".join(f"{other} ({count})" for other, count in whole[:_MOST_NEIGHBOURS])
