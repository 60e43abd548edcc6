"""Answers from the documents, with their citations, in OpenAI's protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ragent.rag.options import SearchArguments
from ragent.server.carrying import ShouldStop
from ragent.server.errors import Refused
from ragent.server.openai.asked import ChatAsked, FromDocuments
from ragent.server.openai.pieces import Finished, Piece, Words
from ragent.server.openai.said import conversation
from ragent.service import Session
from ragent.service.session import Asked
from ragent.types import Answer, Citation, Dropped, Hit, Message

_NOT_FOLLOWED = "instructions are not followed where documents are asked"
_WORD = re.compile(r"\s*\S+\s*$|\s*\S+")


def collection_of(asked: ChatAsked, collection: str) -> str:
    """The collection that is asked: the one of the model, unless another is named.

    Raises Refused for parameters that answers from documents have none of.
    """
    for name in ("tools", "tool_choice", "stop"):
        if getattr(asked, name) not in (None, [], "none"):
            raise Refused(
                f"{name}: answers from documents have none",
                param=name,
                hint="the plain model takes it: GET /v1/models says what it is called",
            )
    return (asked.ragent and asked.ragent.collection) or collection


def write(session: Session, asked: ChatAsked, collection: str, should_stop: ShouldStop) -> Iterator[Piece]:
    """The pieces of the answer. Raises as `Rag.stream` does, and Refused where nothing is asked."""
    said = conversation(asked.messages)
    instructions = [message.content for message in said if message.role == "system"]
    turns = [message for message in said if message.role != "system"]
    if not turns or turns[-1].role != "user" or not turns[-1].content.strip():
        raise Refused("messages: the last one is to be a user's question", param="messages")
    question = _question(asked, turns)
    shows_draft = bool(asked.ragent and asked.ragent.draft)
    for piece in session.stream(collection, question, turns[:-1], should_stop):
        if isinstance(piece, Answer):
            yield from _said(piece, asked, instructions, shows_draft)
        elif shows_draft:
            yield Words(piece, is_draft=True)


def _question(asked: ChatAsked, turns: list[Message]) -> Asked:
    own = asked.ragent or FromDocuments()
    ask = {"style": own.style} if own.style else {}
    changes = {name: values for name, values in (("llm", asked.changes()), ("ask", ask)) if values}
    search = SearchArguments()
    if own.mode:
        search["mode"] = own.mode
    if own.filter is not None:
        search["where"] = own.filter
    return Asked(turns[-1].content, own.k, asked.schema_wanted, search, changes)


def _said(answer: Answer, asked: ChatAsked, instructions: list[str], shows_draft: bool) -> Iterator[Piece]:
    refusal = None
    if asked.schema_wanted is None:
        text = answer.text
    elif answer.abstained:
        text, refusal = "", answer.text
    else:
        text = json.dumps(answer.value, ensure_ascii=False)
    if not shows_draft or asked.schema_wanted is not None:
        for word in _WORD.findall(text):
            yield Words(word)
    left_out = [*answer.dropped, *(Dropped("turn", text, _NOT_FOLLOWED) for text in instructions)]
    yield Finished("stop", answer.usage, told_of(answer, left_out), refusal)


def told_of(answer: Answer, dropped: list[Dropped]) -> dict[str, Any]:
    """What there is to say of an answer beside its text."""
    titles = {hit.document_id: hit.title for hit in answer.hits}
    return {
        "text": answer.text,
        "abstained": answer.abstained,
        "support": answer.support,
        "understood": answer.understood,
        "reasoning": answer.reasoning,
        "citations": [_cited(one, titles.get(one.document_id, "")) for one in answer.citations],
        "passages": [_passage(hit) for hit in answer.hits],
        "dropped": [{"kind": one.kind, "text": one.text, "reason": one.reason} for one in dropped],
        "timings": asdict(answer.timings),
    }


def _cited(citation: Citation, title: str) -> dict[str, Any]:
    return {
        "marker": citation.marker,
        "uri": citation.uri,
        "title": title,
        "page": citation.page,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "document_id": citation.document_id,
        "support": citation.support,
    }


def _passage(hit: Hit) -> dict[str, Any]:
    return {
        "document_id": hit.document_id,
        "chunk_id": hit.chunk_id,
        "uri": hit.uri,
        "page": hit.page,
        "start": hit.start,
        "end": hit.end,
        "score": hit.score,
    }
