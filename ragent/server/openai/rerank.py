"""`POST /v1/rerank`: given texts in the order in which they fit a query.

Source: the request and the answer are laid out as those of Cohere's and Jina's rerank APIs.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from ragent.retrieval import rank_texts
from ragent.server.asking import Asks
from ragent.server.openai.naming import embedder_name, no_model

router = APIRouter(tags=["OpenAI"])
_MOST_TEXTS = 1000

Text = Annotated[str, Field(min_length=1, pattern=r"\S")]


class TextOnly(BaseModel):
    """A document that is a text."""

    model_config = ConfigDict(extra="forbid")
    text: Text


class RerankAsked(BaseModel):
    """What to rank. `collection` is ragent's own: whose settings and words the rerankers go by."""

    model_config = ConfigDict(extra="forbid")
    model: str | None = None
    query: Text
    documents: Annotated[list[Text | TextOnly], Field(min_length=1, max_length=_MOST_TEXTS)]
    top_n: int | None = Field(None, ge=1)
    return_documents: bool = False
    collection: str | None = None

    @property
    def texts(self) -> list[str]:
        """All of them."""
        return [one if isinstance(one, str) else one.text for one in self.documents]


class Ranked(BaseModel):
    """One text: `index` is its place among those that were sent. Higher scores are better."""

    index: int
    relevance_score: float
    document: TextOnly | None = None


class Reranked(BaseModel):
    """The best texts first. `ranked_by` are the embedder and the rerankers that the settings name."""

    id: str
    object: Literal["list"] = "list"
    model: str
    ranked_by: list[str]
    results: list[Ranked]
    usage: dict[str, int]


@router.post("/v1/rerank", response_model_exclude_none=True)
def rerank(asked: RerankAsked, session: Asks) -> Reranked:
    """Rank texts by the cosine of their vectors with the query's, then by the rerankers in [retrieval]."""
    service = session.service
    name = embedder_name(service)
    if asked.model not in (None, name):
        raise no_model(str(asked.model), [name])
    rerankers = service.settings.retrieval.rerank
    rag = session.filled(asked.collection or service.settings.collection) if rerankers else None
    embedder = service.root.embedder
    hits = rank_texts(asked.query, asked.texts, embedder)
    if rag is not None:
        hits = rag.retriever.rerank(asked.query, hits)
    results: list[dict[str, Any]] = [
        {"index": hit.start, "relevance_score": hit.score} for hit in hits[: asked.top_n]
    ]
    if asked.return_documents:
        results = [{**one, "document": {"text": asked.texts[one["index"]]}} for one in results]
    tokens = sum(embedder.tokenizer.count([asked.query, *asked.texts]))
    return Reranked(
        id=f"rerank-{uuid.uuid4().hex}",
        model=name,
        ranked_by=[name, *rerankers],
        results=[Ranked.model_validate(one) for one in results],
        usage={"total_tokens": tokens},
    )
