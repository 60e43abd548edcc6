"""What the tools give: values for programs, and the same as text for models and people."""

from __future__ import annotations

from pydantic import BaseModel, Field

from ragent.types import Answer, Citation, Hit, IngestReport, SearchResult


class Cited(BaseModel):
    """Words as they stand in a document: its text from character `start` to `end` is `quote`."""

    document: int = Field(description="the document's id, for the tool `open`")
    uri: str
    page: int | None
    start: int
    end: int
    quote: str


class FoundPassage(Cited):
    """A passage, with how well it fits."""

    title: str
    score: float


class Found(BaseModel):
    """Passages, best first."""

    query: str
    relevance: float | None = Field(description="how probably the passages bear on the query at all")
    passages: list[FoundPassage]

    def text(self) -> str:
        """All passages, each under where it stands."""
        parts = [
            f"[{number}] {passage.title}\n{_where(passage)}\n{passage.quote}"
            for number, passage in enumerate(self.passages, start=1)
        ]
        return "\n\n".join(parts) or "nothing found"


class Quote(Cited):
    """What proves a part of an answer."""

    marker: int = Field(description="the number n of [n] in the answer")
    support: float = Field(description="how probably the quote answers the question")


class Answered(BaseModel):
    """An answer with its proofs, or none."""

    question: str
    answer: str
    abstained: bool = Field(description="the documents don't tell; `answer` says so")
    support: float
    citations: list[Quote]

    def text(self) -> str:
        """The answer, then its quotes."""
        quotes = [f'[{one.marker}] {_where(one)}\n"{one.quote}"' for one in self.citations]
        return "\n\n".join([self.answer, *quotes])


class Opened(BaseModel):
    """A stretch of a document's text."""

    document: int
    uri: str
    title: str
    page: int | None = Field(description="the page that the stretch begins on")
    start: int
    end: int
    length: int = Field(description="characters of the whole document")
    text: str

    def shown(self) -> str:
        """The stretch, under where it stands, and where to go on."""
        page = f", page {self.page}" if self.page else ""
        head = f"{self.title}\n{self.uri}{page}, characters {self.start}–{self.end} of {self.length}"
        more = f"\n\n(goes on: open with start={self.end})" if self.end < self.length else ""
        return f"{head}\n\n{self.text}{more}"


class Unread(BaseModel):
    """A file that could not be read, and why."""

    uri: str
    error: str


class Ingested(BaseModel):
    """What an ingestion did, in documents."""

    added: int
    updated: int
    unchanged: int
    passages: int
    failed: list[Unread]

    def text(self) -> str:
        """One line, and one for each failure."""
        counts = f"{self.added} added, {self.updated} updated, {self.unchanged} unchanged"
        line = f"{counts}; {self.passages} passages"
        return "\n".join([line, *(f"not read: {one.uri}: {one.error}" for one in self.failed)])


def found(result: SearchResult) -> Found:
    """A search's result."""
    return Found(
        query=result.query, relevance=result.relevance, passages=[_passage(hit) for hit in result.hits]
    )


def answered(answer: Answer) -> Answered:
    """An answer."""
    return Answered(
        question=answer.question,
        answer=answer.text,
        abstained=answer.abstained,
        support=answer.support,
        citations=[_quote(citation) for citation in answer.citations],
    )


def ingested(report: IngestReport) -> Ingested:
    """An ingestion's report."""
    return Ingested(
        added=report.added,
        updated=report.updated,
        unchanged=report.unchanged,
        passages=report.chunks,
        failed=[Unread(uri=one.uri, error=one.error) for one in report.failed],
    )


def _passage(hit: Hit) -> FoundPassage:
    return FoundPassage(
        document=hit.document_id,
        uri=hit.uri,
        page=hit.page,
        start=hit.start,
        end=hit.end,
        quote=hit.text,
        title=hit.title,
        score=hit.score,
    )


def _quote(citation: Citation) -> Quote:
    return Quote(
        document=citation.document_id,
        uri=citation.uri,
        page=citation.page,
        start=citation.start,
        end=citation.end,
        quote=citation.quote,
        marker=citation.marker,
        support=citation.support,
    )


def _where(cited: Cited) -> str:
    page = f", page {cited.page}" if cited.page else ""
    return f"{cited.uri}{page}, characters {cited.start}–{cited.end} (document {cited.document})"
