"""Searching, and asking one question: what `ragent search --json` and `ragent ask --json` give."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from ragent.errors import LLMError
from ragent.server.asking import Asks
from ragent.server.carrying import whole
from ragent.server.shapes import Answered, Found, Searched, Text
from ragent.service import Session
from ragent.service.session import Asked
from ragent.types import Answer

router = APIRouter(tags=["search"])


class Sought(Searched):
    """What to look for."""

    query: Text
    k: int = Field(10, ge=1, le=200, description="how many passages")
    by_document: bool = Field(False, description="only the best passage of each document")
    explain: bool = Field(False, description="say why each passage was found")


class Question(Searched):
    """What to answer from the documents."""

    question: Text
    k: int | None = Field(None, ge=1, le=50, description="passages put before the model")
    style: Literal["auto", "draft", "think", "quote", "extract"] | None = Field(
        None, description="quote: verbatim; draft: own words, then checked; extract: no model"
    )
    output: dict[str, Any] | None = Field(
        None, alias="schema", description="a JSON Schema: the answer is also put into this form, `value`"
    )

    def asked(self) -> Asked:
        """As the service takes it."""
        changes = {"ask": {"style": self.style}} if self.style else {}
        return Asked(self.question, self.k, self.output, self.arguments(), changes)


def named(session: Session, collection: str | None) -> str:
    """The collection that a request means."""
    return collection or session.service.settings.collection


@router.post("/search")
def search(sought: Sought, session: Asks) -> Found:
    """The passages that fit a query best, by words and by meaning."""
    arguments = sought.arguments()
    arguments["by_document"], arguments["explain"] = sought.by_document, sought.explain
    collection = named(session, sought.collection)
    return Found.of(session.search(collection, sought.query, sought.k, **arguments), explain=sought.explain)


@router.post("/ask")
async def ask(request: Request, question: Question, session: Asks) -> Answered:
    """An answer from the documents with verbatim quotes, or word that they don't tell."""
    collection = named(session, question.collection)
    pieces = await whole(request, lambda stop: session.stream(collection, question.asked(), should_stop=stop))
    answer = next((piece for piece in pieces if isinstance(piece, Answer)), None)
    if answer is None:
        raise LLMError("the answer was stopped", hint="ask again", retryable=True)
    return Answered.of(answer)
