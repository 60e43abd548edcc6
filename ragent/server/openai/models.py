"""`GET /v1/models`: what can be asked."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from ragent.server.asking import Asks
from ragent.server.openai.naming import model_names, no_model

router = APIRouter(tags=["OpenAI"])


class Model(BaseModel):
    """A model, as OpenAI lists them."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "ragent"


class Models(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Model]


@router.get("/v1/models")
def list_models(session: Asks) -> Models:
    """What can be asked: `ragent` (the documents), `ragent/COLLECTION`, the plain model and the embedder."""
    return Models(data=[Model(id=name) for name in model_names(session)])


@router.get("/v1/models/{name:path}")
def get_model(name: str, session: Asks) -> Model:
    """One of them."""
    offered = model_names(session)
    if name not in offered:
        raise no_model(name, offered)
    return Model(id=name)
