"""What requests and answers look like that several endpoints share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from ragent.rag.options import SearchArguments
from ragent.types import Answer, SearchMode, SearchResult

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
READ = ConfigDict(from_attributes=True)
MOST_ID = 2**63 - 1


Name = Annotated[str, Field(min_length=1, max_length=100)]
Names = Annotated[list[Name], Field(max_length=5)]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Condition = Annotated[str, Field(min_length=1, max_length=2000)]
Where = Condition | Annotated[list[Condition], Field(max_length=200)] | dict[str, Any]
CollectionName = Annotated[
    Name | None, Field(description="a collection's name; none: the one that the settings name")
]
DocumentId = Annotated[int, Path(ge=1, le=MOST_ID, description="a document's id")]
Id = Annotated[str, Path(min_length=1, max_length=64)]


class Searched(BaseModel):
    """How to search; what isn't given is as the settings say."""

    model_config = STRICT
    mode: SearchMode | None = Field(None, description="which engines search")
    filter: Where | None = Field(
        None, description="only what meets this: a condition such as year>=2020, several, or an object"
    )
    rerank: Names | None = Field(None, description="rerankers, which order the best in turn; []: none")
    technique: Names | None = Field(None, description="query techniques, each with the next; []: none")
    collection: CollectionName = None

    def arguments(self) -> SearchArguments:
        """As the library takes them."""
        return {
            "mode": self.mode,
            "where": self.filter,
            "rerank": self.rerank,
            "technique": self.technique,
        }


class Why(BaseModel):
    """Why a passage was found: scores of each side, and after each stage."""

    model_config = READ
    dense: float | None
    keyword: float | None
    fused: float
    terms: Mapping[str, float]
    fusion: str
    affinity: float | None
    stages: Mapping[str, float]


class FoundPassage(BaseModel):
    """A passage: the document's text from character `start` to `end`."""

    model_config = READ
    rank: int
    score: float
    chunk_id: int
    document_id: int
    uri: str
    title: str
    page: int | None
    start: int
    end: int
    text: str
    context: str
    metadata: Mapping[str, Any]
    explanation: Why | None = None


class Found(BaseModel):
    """Passages, best first; `relevance`: how probably they bear on the query at all."""

    query: str
    hits: list[FoundPassage]
    plan: dict[str, Any]
    relevance: float | None

    @classmethod
    def of(cls, result: SearchResult, *, explain: bool) -> Self:
        """A search's result."""
        hits = [FoundPassage.model_validate(hit) for hit in result.hits]
        if not explain:
            hits = [hit.model_copy(update={"explanation": None}) for hit in hits]
        return cls(query=result.query, hits=hits, plan=dict(result.plan), relevance=result.relevance)


class CitedQuote(BaseModel):
    """A quote: the document's text from character `start` to `end`; `support`: how probably it answers."""

    model_config = READ
    marker: int
    uri: str
    page: int | None
    start: int
    end: int
    quote: str
    support: float
    short: str = ""
    document_id: int
    chunk_id: int


class LeftOut(BaseModel):
    """Something an answer had to leave out, and why."""

    model_config = READ
    kind: str
    text: str
    reason: str
    chunk_id: int | None


class PromptUsed(BaseModel):
    """A template that was rendered."""

    model_config = READ
    name: str
    version: int
    digest: str


class Used(BaseModel):
    """Tokens, by the model's own count."""

    model_config = READ
    prompt_tokens: int
    completion_tokens: int
    reused_tokens: int
    drafted_tokens: int
    accepted_tokens: int


class Took(BaseModel):
    """Seconds."""

    model_config = READ
    retrieve_s: float
    first_token_s: float | None
    total_s: float


class Answered(BaseModel):
    """An answer with what proves it; where `abstained`, it says that the documents don't tell."""

    answer: str
    abstained: bool
    support: float
    citations: list[CitedQuote]
    dropped: list[LeftOut]
    prompts: list[PromptUsed]
    usage: Used
    timings: Took
    understood: str = ""
    reasoning: str = ""
    value: Any = None

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """An answer."""
        return cls(
            answer=answer.text,
            abstained=answer.abstained,
            support=answer.support,
            citations=[CitedQuote.model_validate(each) for each in answer.citations],
            dropped=[LeftOut.model_validate(each) for each in answer.dropped],
            prompts=[PromptUsed.model_validate(each) for each in answer.prompts],
            usage=Used.model_validate(answer.usage),
            timings=Took.model_validate(answer.timings),
            understood=answer.understood,
            reasoning=answer.reasoning,
            value=answer.value,
        )
