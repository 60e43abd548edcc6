"""Begins a set with the questions that people asked, and what they thought of the answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import xxhash

from ragent.rag import Rag
from ragent.rag.judged import Cited, cited
from ragent.rag.terms import denies, terms
from ragent.store import TraceStore, Wanted
from ragent.store.feedback import list_feedback

_ASKS = frozenset(["who", "whom", "whose", "when", "where", "why", "how", "what", "which"])
_MARKER = re.compile(r"\s*\[\d+\]")
_ALL = 1_000_000
_WORTH = ("unrated", "thumbs-down", "thumbs-up", "correction")
"""Where a question came from. Of the same question, the last of these counts."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that somebody asked, and what is known of its answer.

    Attributes:
        source: one of `_WORTH`.
        answers: right ones; empty if nothing answers it, or nobody knows.
        is_known: whether a person said what is right.
        quotes: where a right answer stands.
        note: what a person who labels it should know.
    """

    question: str
    source: str
    answers: tuple[str, ...] = ()
    is_known: bool = False
    quotes: tuple[Cited, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """The lines of a new set, how many of them a person still has to label, and what they were made of."""

    lines: Sequence[Mapping[str, Any]]
    to_label: int = 0
    asked: int = 0
    sources: Mapping[str, int] = field(default_factory=dict)


def begin_set(
    rag: Rag, ratings: Sequence[int] = (), since: datetime | None = None, limit: int | None = None
) -> Begun:
    """Make lines of cases of the feedback on a collection, and of traces that hold their questions.

    A correction is the expected answer; a thumb up makes the answer's quote the expected answer, and its
    place the passage; what got a thumb down or none is left to be labelled. Questions of the same words,
    but for order, endings and the smallest words, become one case, the best founded.

    Args:
        rag: its collection's questions.
        ratings: only feedback with one of these; then traces, which have none, are left out. (): all.
        since: only later ones.
        limit: so many cases at most, the newest.
    """
    found = list(_from_feedback(rag, ratings, since))
    if not ratings:
        found += _from_traces(rag, since)
    groups: dict[str, list[Asked]] = {}
    for each in found:
        groups.setdefault(_key(each.question), []).append(each)
    chosen = [(key, _merged(group), len(group)) for key, group in groups.items()][:limit]
    lines = [_line(key, each, count) for key, each, count in chosen]
    sources = {name: sum(each.source == name for _, each, _ in chosen) for name in reversed(_WORTH)}
    return Begun(lines, sum("to_label" in line for line in lines), len(found), sources)


def _from_feedback(rag: Rag, ratings: Sequence[int], since: datetime | None) -> Iterator[Asked]:
    with rag.store.reading() as connection:
        rows = list_feedback(connection, rag.settings.collection, ratings, since)
    texts = _texts(rag, {uri for row in rows for uri in row.answer.get("read", ())})
    for row in rows:
        question = row.answer.get("understood") or row.question
        shown = _MARKER.sub("", row.answer.get("text", "")).strip()
        if row.correction.strip():
            yield Asked(question, "correction", (row.correction.strip(),), True, note=row.comment)
        elif row.rating > 0:
            yield _liked(question, row.answer, shown, cited(row.answer, texts))
        else:
            source = "thumbs-down" if row.rating < 0 else "unrated"
            yield Asked(question, source, note=_note(f"it was answered: {shown}", row.comment))


def _liked(question: str, answer: Mapping[str, Any], shown: str, quotes: Sequence[Cited]) -> Asked:
    if answer.get("abstained"):
        return Asked(question, "thumbs-up", (), True)
    if answer.get("citations") and not quotes:
        note = f"it was answered: {shown} (but the documents have changed since)"
        return Asked(question, "thumbs-up", note=note)
    answers = tuple(dict.fromkeys(each.short or each.quote for each in quotes)) or (shown,)
    return Asked(question, "thumbs-up", answers, True, tuple(quotes))


def _from_traces(rag: Rag, since: datetime | None) -> Iterator[Asked]:
    """The questions in traces, which hold them only where `[trace] content` is on."""
    since_ns = int(since.timestamp() * 1e9) if since else 0
    rag.tracer.flush()
    for one in reversed(TraceStore(rag.store).last(Wanted(_ALL, "ask", since_ns))):
        question = one.root.content.get("gen_ai.retrieval.query.text", "").strip()
        if question and one.root.attributes.get("ragent.collection") == rag.settings.collection:
            shown = _MARKER.sub("", one.root.content.get("ragent.answer", "")).strip()
            yield Asked(question, "unrated", note=f"it was answered: {shown}" if shown else "")


def _texts(rag: Rag, uris: Iterable[str]) -> dict[str, str]:
    found = rag.store.find_collection(rag.settings.collection)
    known = rag.store.known_documents(found.id) if found else {}
    there = {uri: rag.store.document_text(known[uri].id) for uri in uris if uri in known}
    return {uri: text for uri, text in there.items() if text is not None}


def _key(question: str) -> str:
    """The same for questions of the same words. What is asked for, and a denial, are words like any."""
    asks = _ASKS.intersection(re.findall(r"\w+", question.lower()))
    words = sorted(terms(question)) or [question.strip().lower()]
    return " ".join([*words, *sorted(asks), *(["not"] if denies(question) else [])])


def _merged(group: Sequence[Asked]) -> Asked:
    """The best founded of the same questions; if such ones disagree whether there is an answer, none is."""
    source = max((each.source for each in group), key=_WORTH.index)
    best = [each for each in group if each.source == source]
    known = [each for each in best if each.is_known]
    if not known:
        return best[0]
    if len({bool(each.answers) for each in known}) > 1:
        return Asked(known[0].question, source, note="people disagree whether the documents answer it")
    answers = dict.fromkeys(answer for each in known for answer in each.answers)
    quotes = dict.fromkeys(quote for each in known for quote in each.quotes)
    return Asked(known[0].question, source, tuple(answers), True, tuple(quotes), known[0].note)


def _line(key: str, asked: Asked, count: int) -> dict[str, Any]:
    line: dict[str, Any] = {
        "id": f"asked-{xxhash.xxh3_64_hexdigest(key.encode())[:12]}",
        "question": asked.question,
        "slices": {"source": asked.source},
    }
    if not asked.is_known:
        line |= {"answers": [], "to_label": True}
    elif asked.answers:
        line["answers"] = list(asked.answers)
    else:
        line |= {"answers": [], "is_impossible": True}
    if asked.quotes:
        line["relevant"] = {quote.uri: 1 for quote in asked.quotes}
        line["passages"] = [
            {"text_id": quote.uri, "quote": quote.quote, "start": quote.start, "end": quote.end}
            for quote in asked.quotes
        ]
    if note := _note(asked.note, f"asked {count} times" if count > 1 else ""):
        line["note"] = note
    return line


def _note(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
