"""What callers think of answers, from which eval cases are made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from ragent.rag.judged import Judgement
from ragent.server.asking import Asks
from ragent.server.searching import named
from ragent.server.shapes import MOST_ID, STRICT, CollectionName, Text
from ragent.service.judging import judge, judge_answer
from ragent.types import Answer, Citation, Timings, Usage

router = APIRouter(tags=["feedback"])
_GIVEN = ConfigDict(extra="ignore", allow_inf_nan=False)

Comment = Annotated[str, Field(max_length=5000)]
Place = Annotated[int, Field(ge=0, le=10**12)]
Key = Annotated[str, Field(min_length=1, max_length=64)]


class GivenQuote(BaseModel):
    """A citation as it was given."""

    model_config = _GIVEN
    marker: Place
    uri: Annotated[str, Field(max_length=4000)]
    page: Place | None = None
    start: Place
    end: Place
    quote: Text
    document_id: Annotated[int, Field(ge=0, le=MOST_ID)] = 0
    chunk_id: Annotated[int, Field(ge=0, le=MOST_ID)] = 0
    support: float = 0.0
    short: Annotated[str, Field(max_length=20_000)] = ""


class GivenAnswer(BaseModel):
    """An answer as `/ask` gave it; what isn't kept of it is passed over."""

    model_config = _GIVEN
    answer: Annotated[str, Field(max_length=100_000)]
    abstained: bool = False
    support: float = 0.0
    citations: Annotated[list[GivenQuote], Field(max_length=100)] = []
    understood: Annotated[str, Field(max_length=20_000)] = ""


class Judged(BaseModel):
    """What one thinks: `rating` is 1 for a good answer, -1 for a bad one, 0 for neither."""

    model_config = STRICT
    rating: Literal[1, 0, -1]
    comment: Comment = ""
    correction: Comment = Field("", description="what would have been right")


class JudgedTurn(Judged):
    """Of an answer in a conversation."""

    conversation: Key
    turn: Key


class JudgedAnswer(Judged):
    """Of an answer that `/ask` gave."""

    question: Text
    answered: GivenAnswer
    collection: CollectionName = None


class Kept(BaseModel):
    """The id under which it is kept."""

    id: str


@router.post("/feedback", status_code=201)
def feedback(judged: JudgedTurn | JudgedAnswer, session: Asks) -> Kept:
    """Say what one thinks of an answer. Of a turn, it replaces what was said before."""
    said: dict[str, Any] = {"comment": judged.comment, "correction": judged.correction}
    if isinstance(judged, JudgedTurn):
        return Kept(id=judge(session, judged.conversation, judged.turn, judged.rating, **said))
    collection = named(session, judged.collection)
    return Kept(id=judge_answer(session, collection, _answer(judged), Judgement(judged.rating, **said)))


def _answer(judged: JudgedAnswer) -> Answer:
    given = judged.answered
    return Answer(
        judged.question,
        given.answer,
        given.abstained,
        tuple(Citation(**each.model_dump()) for each in given.citations),
        (),
        Usage(),
        Timings(0.0, None, 0.0),
        understood=given.understood,
        support=given.support,
    )
