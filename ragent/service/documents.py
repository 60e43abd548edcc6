"""Documents as people look at them: listed, read around a quote, or as a picture of a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ragent import registry
from ragent.errors import NotThere, SourceError, StoreError
from ragent.ingest.work import hash_of
from ragent.rag.forgetting import ForgetReport
from ragent.service.access import Role, require, role_in
from ragent.service.jobs import Job
from ragent.store import Passage, people
from ragent.store.listing import DocumentInfo, find_document, list_documents
from ragent.types import RawDocument

if TYPE_CHECKING:
    from ragent.service.session import Session

_AROUND = 1500


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Part of a document's text. `marked` are the spans asked for, from the start of `text`.

    Attributes:
        text: the characters from `start` to `end` of the document.
        marked: (start, end) of each span that lies in them, counted in `text`.
        has_more: whether the document goes on before or after.
    """

    text: str
    start: int
    end: int
    marked: tuple[tuple[int, int], ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents that somebody may see."""

    session: Session

    def list(self, collection: str, words: str = "", first: int = 0, most: int = 100) -> list[DocumentInfo]:
        """Those of a collection whose title or address holds these words, by address. Raises NotThere."""
        self.session.require(collection, "reader")
        found = self.session.service.store.find_collection(collection)
        if found is None:
            self.session.require_known(collection)
            return []
        with self.session.service.store.reading() as connection:
            return list_documents(connection, found.id, words, first, most)

    def get(self, document_id: int, wanted: Role = "reader") -> DocumentInfo:
        """One of them. Raises NotThere, NotAllowed."""
        with self.session.service.store.reading() as connection:
            found = find_document(connection, document_id)
            grants = people.grants_of(connection, found.collection) if found else {}
        if found is None:
            raise NotThere(f"there is no document {document_id}")
        have = role_in(self.session.caller, found.collection, grants)
        if have is None:
            raise NotThere(f"there is no document {document_id}")
        require(have, wanted, found.collection)
        return found

    def text(self, document_id: int) -> str:
        """All of its text. Raises NotThere."""
        self.get(document_id)
        text = self.session.service.store.document_text(document_id)
        if text is None:
            raise NotThere(f"there is no document {document_id}")
        return text

    def excerpt(
        self, document_id: int, spans: Sequence[tuple[int, int]] = (), around: int = _AROUND
    ) -> Excerpt:
        """Its text around some spans, or its beginning. Raises NotThere."""
        text = self.text(document_id)
        inside = sorted((max(0, start), min(end, len(text))) for start, end in spans if start < end)
        first = inside[0][0] if inside else 0
        last = max((end for _, end in inside), default=first)
        start = _line_start(text, max(0, first - around))
        end = min(len(text), last + around)
        marked = tuple((one - start, other - start) for one, other in inside if one < other)
        return Excerpt(text[start:end], start, end, marked, start > 0 or end < len(text))

    def passages(self, collection: str, chunk_ids: Sequence[int]) -> Sequence[Passage]:
        """The passages that still exist of these, in this order. Raises NotThere."""
        self.session.require(collection, "reader")
        found = self.session.service.store.find_collection(collection)
        there = self.session.service.store.passages(found.id, chunk_ids) if found else {}
        return [there[id_] for id_ in chunk_ids if id_ in there]

    def page_of(self, document_id: int, start: int) -> int | None:
        """The page on which a character stands; None where the format has none. Raises NotThere."""
        self.get(document_id)
        pages = self.session.service.store.document_pages(document_id)
        return next((number for number, first, last in pages if first <= start < last), None)

    def page_picture(
        self, document_id: int, page: int, quotes: Sequence[str] = (), width: int = 900
    ) -> bytes | None:
        """A page as PNG with quotes marked; None for a format without pictures of pages.

        Raises:
            NotThere: there is no such document.
            SourceError: its file is gone, or another by now.
            ParseError: the file can't be shown, or has no such page.
        """
        info = self.get(document_id)
        if info.media_type not in registry.names("ragent.renderers"):
            return None
        path = self.file(document_id)
        if path is None:
            return None
        render: Callable[..., bytes] = registry.load("ragent.renderers", info.media_type)
        return render(path.read_bytes(), page, quotes, width)

    def file(self, document_id: int) -> Path | None:
        """The very file that it was read from; None for what is no file of its own on this machine.

        Raises:
            NotThere: there is no such document.
            SourceError: the file is gone, or another by now.
        """
        info = self.get(document_id)
        parts = urlsplit(info.uri)
        if parts.scheme != "file" or parts.fragment or "!/" in info.uri:
            return None
        path = Path(unquote(parts.path))
        try:
            same = hash_of(RawDocument(info.uri, path.name, path.read_bytes())) == info.content_hash
        except OSError as error:
            raise SourceError(f"{path.name} isn't there any more: {error.strerror}") from error
        if not same:
            raise SourceError(f"{path.name} has changed since it was read", hint="ingest it again")
        return path

    def ingest_again(self, document_id: int) -> Job:
        """Have it read anew, unchanged or not; with all of its archive, where it is in one.

        Raises:
            NotThere: there is no such document.
            NotAllowed: they may not.
        """
        info = self.get(document_id, "editor")
        asked = {"names": [info.uri.partition("!/")[0]], "force": True}
        return self.session.service.jobs.add(self.session.caller.name, info.collection, "ingest", asked)

    def forget(self, document_id: int) -> ForgetReport:
        """Remove it from everything, its upload included, and prove it. Raises NotThere, NotAllowed."""
        info = self.get(document_id, "editor")
        try:
            return self.session.service.rag(info.collection).forget(document_id)
        except StoreError:
            self.get(document_id)  # somebody else may have forgotten it meanwhile
            raise


def _line_start(text: str, at: int) -> int:
    """Where the line begins in which a character stands, if that isn't far."""
    begin = text.rfind("\n", 0, at) + 1
    return begin if at - begin < _AROUND else at
