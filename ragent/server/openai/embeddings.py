"""`POST /v1/embeddings`: vectors, of the very model that the documents were embedded with."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from ragent.protocols import Embedder
from ragent.server.asking import Asks
from ragent.server.errors import Refused
from ragent.server.openai.naming import embedder_name, no_model

router = APIRouter(tags=["OpenAI"])
_MOST_TEXTS = 2048

Text = Annotated[str, Field(min_length=1)]


class EmbeddingsAsked(BaseModel):
    """Texts to embed. `input_type` is ragent's own: some models embed queries in another way."""

    model_config = ConfigDict(extra="forbid")
    model: str
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=_MOST_TEXTS)]
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: int | None = None
    input_type: Literal["document", "query"] = "document"
    user: str | None = None

    @property
    def texts(self) -> list[str]:
        """All of them."""
        return [self.input] if isinstance(self.input, str) else self.input


class Embedding(BaseModel):
    """One text's vector; as base64, it is that of its 32-bit floats, the least significant byte first."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    """Tokens by the embedder's own count."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(BaseModel):
    """Vectors, in the order of the texts."""

    object: Literal["list"] = "list"
    model: str
    data: list[Embedding]
    usage: EmbeddingUsage


@router.post("/v1/embeddings")
def embed(asked: EmbeddingsAsked, session: Asks) -> Embeddings:
    """Embed texts. One that is longer than the model reads is refused: nothing is cut."""
    service = session.service
    name = embedder_name(service)
    if asked.model != name:
        raise no_model(asked.model, [name])
    embedder = service.root.embedder
    own = embedder.fingerprint.dimension
    if asked.dimensions not in (None, own):
        raise Refused(f"dimensions: this model's vectors have {own}", param="dimensions")
    counts = counted(embedder, asked.texts)
    vectors = (
        embedder.embed_queries(asked.texts)
        if asked.input_type == "query"
        else embedder.embed_documents(asked.texts)
    )
    shown: Any = _floats if asked.encoding_format != "base64" else _base64
    data = [Embedding(index=place, embedding=shown(vector)) for place, vector in enumerate(vectors)]
    usage = EmbeddingUsage(prompt_tokens=sum(counts), total_tokens=sum(counts))
    return Embeddings(model=name, data=data, usage=usage)


def counted(embedder: Embedder, texts: list[str]) -> list[int]:
    """Tokens of each text. Raises Refused for one that the embedder can't read whole."""
    counts = embedder.tokenizer.count(texts)
    for place, count in enumerate(counts):
        if count > embedder.max_tokens:
            raise Refused(
                f"input.{place}: this text has {count} tokens; the model reads {embedder.max_tokens}",
                param=f"input.{place}",
                hint="split it: nothing is cut here",
                code="context_length_exceeded",
            )
    return counts


def _floats(vector: np.ndarray[Any, Any]) -> list[float]:
    return [float(number) for number in vector]


def _base64(vector: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()
