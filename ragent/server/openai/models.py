"""`GET /v1/models`: what can be asked."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from ragent.errors import RagentError
from ragent.server.asking import Asks
from ragent.server.openai.naming import embedder_name, model_names, no_model
from ragent.service import Session

router = APIRouter(tags=["OpenAI"])


class EmbedderTold(BaseModel):
    """What makes vectors of an embedding model comparable, and the most tokens that it reads of a text.

    Another ragent that embeds by this one has the same fingerprint then: documents needn't be embedded anew.
    """

    model: str
    revision: str
    pooling: str
    query_prefix: str
    document_prefix: str
    dimension: int
    normalized: bool
    max_tokens: int


class Model(BaseModel):
    """A model, as OpenAI lists them."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "ragent"
    embedder: EmbedderTold | None = None


class Models(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Model]


@router.get("/v1/models", response_model_exclude_none=True)
def list_models(session: Asks) -> Models:
    """What can be asked: `ragent` (the documents), `ragent/COLLECTION`, the plain model and the embedder."""
    return Models(data=[Model(id=name) for name in model_names(session)])


@router.get("/v1/models/{name:path}", response_model_exclude_none=True)
def get_model(name: str, session: Asks) -> Model:
    """One of them; of the embedder, also what it is."""
    offered = model_names(session)
    if name not in offered:
        raise no_model(name, offered)
    if not _is_embedder(name, session):
        return Model(id=name)
    embedder = session.service.root.embedder
    told = EmbedderTold(**asdict(embedder.fingerprint), max_tokens=embedder.max_tokens)
    return Model(id=name, embedder=told)


def _is_embedder(name: str, session: Session) -> bool:
    with suppress(RagentError):  # its server doesn't answer, so it isn't offered
        return name == embedder_name(session.service)
    return False
