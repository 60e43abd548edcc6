"""A server of embeddings whose vectors are those of `HashedWords`."""

from __future__ import annotations

from typing import Any

from tests.making import HashedWords
from tests.served.wire import Act, computed, reply


def vectors_of(texts: list[str]) -> list[list[float]]:
    return [[float(number) for number in row] for row in HashedWords().embed_queries(texts)]


def data_of(texts: list[str]) -> dict[str, Any]:
    """As OpenAI lays it out; the order of entries says nothing."""
    data = [{"index": n, "embedding": vector} for n, vector in enumerate(vectors_of(texts))]
    return {"data": data[::-1]}


WELL = computed(lambda body: data_of(body["input"]))


def listing(owner: str = "someone", name: str = "words", **more: Any) -> Act:
    return reply({"data": [{"id": name, "owned_by": owner, **more}]})
