"""`POST /v1/embeddings` and `/v1/tokenize`: by the very model that the documents were embedded with."""

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
from ragent.service import Session

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


class TokensAsked(BaseModel):
    """Texts whose tokens are to be counted."""

    model_config = ConfigDict(extra="forbid")
    model: str
    input: Annotated[list[Text], Field(min_length=1, max_length=_MOST_TEXTS)]


class TextTokens(BaseModel):
    """Where each token of a text begins and ends, in characters; special tokens have no place in it."""

    index: int
    tokens: list[tuple[int, int]]


class Tokens(BaseModel):
    """Those of each text, in order."""

    object: Literal["list"] = "list"
    model: str
    data: list[TextTokens]


@router.post("/v1/tokenize")
def tokenize(asked: TokensAsked, session: Asks) -> Tokens:
    """Tell the tokens of texts, of any length, as the embedding model reads them. This is ragent's own."""
    embedder = _embedder(asked.model, session)
    offsets = embedder.tokenizer.offsets
    data = [TextTokens(index=place, tokens=list(offsets(text))) for place, text in enumerate(asked.input)]
    return Tokens(model=asked.model, data=data)


@router.post("/v1/embeddings")
def embed(asked: EmbeddingsAsked, session: Asks) -> Embeddings:
    """Embed texts. One that is longer than the model reads is refused: nothing is cut."""
    embedder = _embedder(asked.model, session)
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
    return Embeddings(model=asked.model, data=data, usage=usage)


def _embedder(model: str, session: Session) -> Embedder:
    name = embedder_name(session.service)
    if model != name:
        raise no_model(model, [name])
    return session.service.root.embedder


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
