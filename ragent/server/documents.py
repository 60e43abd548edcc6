"""Collections and documents: what there is, what it says, how its pages look, and forgetting it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from ragent.errors import NotThere
from ragent.server.asking import Asks
from ragent.server.errors import Refused
from ragent.server.searching import named
from ragent.server.shapes import READ, STRICT, CollectionName, DocumentId, Name
from ragent.service import Role

router = APIRouter(tags=["documents"])
_MOST_CHARS = 1_000_000
_MOST_ROWS = 10**9

Place = Annotated[int, Query(ge=0, le=10**12)]
Quotes = Annotated[list[Annotated[str, Field(max_length=2000)]], Query(max_length=20)]


class CollectionBody(BaseModel):
    """A collection, with what one may do there."""

    model_config = READ
    name: str
    role: Role
    documents: int
    chunks: int


class Collections(BaseModel):
    """Those that one may know of."""

    collections: list[CollectionBody]


class NewCollection(BaseModel):
    """A name that no collection has."""

    model_config = STRICT
    name: Name


class DocumentBody(BaseModel):
    """A document without its text. `chars` and `pages` count; `content_hash` is of the bytes it came from."""

    model_config = READ
    id: int
    collection: str
    uri: str
    title: str
    media_type: str
    pages: int
    chars: int
    chunks: int
    metadata: Mapping[str, Any]
    content_hash: str
    updated_at: datetime


class DocumentList(BaseModel):
    """Documents by address; `next` is the `first` of the page after this one, null at the end."""

    documents: list[DocumentBody]
    next: int | None


class TextBody(BaseModel):
    """Part of a document's text, of `length` characters: those from `start` to `end`."""

    text: str
    start: int
    end: int
    length: int


class ExcerptBody(BaseModel):
    """Text around a span; `marked` are spans within `text`; `has_more`: the document goes on."""

    model_config = READ
    text: str
    start: int
    end: int
    marked: list[tuple[int, int]]
    has_more: bool


class ProofBody(BaseModel):
    """What was searched for traces of it; `found` names what holds some: nothing, if all went well."""

    model_config = READ
    files_searched: int
    bytes_searched: int
    stretches: int
    found: list[str]
    rows_searched: int


class Forgotten(BaseModel):
    """Documents that are gone, as [id, uri]; `listed_again` would come back with the next sync."""

    model_config = READ
    forgotten: list[tuple[int, str]]
    proof: ProofBody
    listed_again: list[str]


@router.get("/collections")
def collections(session: Asks) -> Collections:
    """The collections that one may know of."""
    return Collections(collections=[CollectionBody.model_validate(one) for one in session.collections()])


@router.post("/collections", status_code=201)
def claim(new: NewCollection, session: Asks) -> CollectionBody:
    """Make a collection one's own, before anything is put in: nobody else sees it, admins excepted."""
    session.claim(new.name)
    return CollectionBody(name=new.name, role=session.require(new.name, "reader"), documents=0, chunks=0)


@router.get("/documents")
def documents(
    session: Asks,
    collection: Annotated[CollectionName, Query()] = None,
    words: Annotated[str, Query(max_length=200, description="in the title or address")] = "",
    first: Annotated[int, Query(ge=0, le=_MOST_ROWS, description="how many to pass over")] = 0,
    most: Annotated[int, Query(ge=1, le=500, description="how many to list")] = 100,
) -> DocumentList:
    """The documents of a collection, by address."""
    found = session.documents.list(named(session, collection), words, first, most + 1)
    shown = [DocumentBody.model_validate(one) for one in found[:most]]
    return DocumentList(documents=shown, next=first + most if len(found) > most else None)


@router.get("/documents/{document_id}")
def document(document_id: DocumentId, session: Asks) -> DocumentBody:
    """One document, without its text."""
    return DocumentBody.model_validate(session.documents.get(document_id))


@router.get("/documents/{document_id}/text")
def text(
    document_id: DocumentId,
    session: Asks,
    start: Place = 0,
    most: Annotated[int, Query(ge=1, le=_MOST_CHARS, description="how many characters")] = 100_000,
) -> TextBody:
    """A document's text, from a character on."""
    whole = session.documents.text(document_id)
    part = whole[start : start + most]
    begin = min(start, len(whole))
    return TextBody(text=part, start=begin, end=begin + len(part), length=len(whole))


@router.get("/documents/{document_id}/excerpt")
def excerpt(
    document_id: DocumentId,
    session: Asks,
    start: Place = 0,
    end: Place = 0,
    around: Annotated[int, Query(ge=0, le=20_000, description="characters before and after")] = 1500,
) -> ExcerptBody:
    """A document's text around a span, such as a citation's; around its beginning, if none is given."""
    spans = [(start, end)] if start < end else []
    if end - start > _MOST_CHARS:
        raise Refused(f"a span has at most {_MOST_CHARS} characters", param="end")
    return ExcerptBody.model_validate(session.documents.excerpt(document_id, spans, around))


@router.get(
    "/documents/{document_id}/pages/{page}",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}, "description": "the page"}},
)
def page_picture(
    document_id: DocumentId,
    page: Annotated[int, Field(ge=1, le=1_000_000)],
    session: Asks,
    quote: Quotes = [],  # noqa: B006  (FastAPI copies it)
    width: Annotated[int, Query(ge=50, le=2000, description="in pixels")] = 900,
) -> Response:
    """A page as it looks (PNG), with quotes marked in it. Only of files that have pages, such as PDF."""
    picture = session.documents.page_picture(document_id, page, quote, width)
    if picture is None:
        raise NotThere(f"there are no pictures of document {document_id}", hint="its text is there")
    return Response(picture, media_type="image/png")


@router.delete("/documents/{document_id}")
def forget(document_id: DocumentId, session: Asks) -> Forgotten:
    """Remove a document from everything that this home holds, and prove it."""
    return Forgotten.model_validate(session.documents.forget(document_id))
