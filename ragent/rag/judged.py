"""What people think of answers, as the database keeps it: quotes by their addresses, not by their words."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xxhash

from ragent.errors import ConfigError
from ragent.store import Store
from ragent.store.feedback import add_feedback
from ragent.types import Answer, Citation

RATINGS = (1, 0, -1)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What somebody thought of an answer: `rating` is 1, 0 or -1; `correction` is what is right instead."""

    rating: int
    comment: str = ""
    correction: str = ""
    owner: str = ""
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Cited:
    """A quote of an answer, as it still stands in its document; `short` are its words that answer, or ""."""

    uri: str
    start: int
    end: int
    quote: str
    short: str


def keep_judgement(store: Store, collection: str, answer: Answer, judgement: Judgement) -> str:
    """Keep what somebody thought of an answer. The new row's id.

    Raises:
        ConfigError: the rating is none.
    """
    if judgement.rating not in RATINGS:
        raise ConfigError(f"{judgement.rating!r} is no rating", hint="1: good, -1: bad, 0: neither")
    id_ = secrets.token_hex(8)
    with store.writing() as connection:
        add_feedback(
            connection,
            {
                "id": id_,
                "owner": judgement.owner,
                "collection": collection,
                "question": answer.question,
                "answer": _kept(answer),
                "rating": judgement.rating,
                "comment": judgement.comment,
                "correction": judgement.correction,
                "trace_id": judgement.trace_id,
            },
        )
    return id_


def cited(answer: Mapping[str, Any], texts: Mapping[str, str]) -> list[Cited]:
    """The quotes of a kept answer that still stand where they stood, by the texts of documents by uri."""
    found = []
    for each in answer.get("citations", ()):
        text = texts.get(each["uri"], "")
        quote = text[each["start"] : each["end"]]
        if quote and _hash(quote) == each["hash"]:
            short = quote[slice(*each["short"])] if each["short"] else ""
            found.append(Cited(each["uri"], each["start"], each["end"], quote, short))
    return found


def _kept(answer: Answer) -> dict[str, Any]:
    read = [hit.uri for hit in answer.hits] + [citation.uri for citation in answer.citations]
    return {
        "text": answer.text,
        "abstained": answer.abstained,
        "support": answer.support,
        "understood": "" if answer.understood == answer.question else answer.understood,
        "read": list(dict.fromkeys(read)),
        "citations": [_kept_citation(each) for each in answer.citations],
    }


def _kept_citation(citation: Citation) -> dict[str, Any]:
    at = citation.quote.find(citation.short) if citation.short else -1
    return {
        "uri": citation.uri,
        "page": citation.page,
        "start": citation.start,
        "end": citation.end,
        "hash": _hash(citation.quote),
        "short": [at, at + len(citation.short)] if at >= 0 else None,
    }


def _hash(text: str) -> str:
    return xxhash.xxh3_64_hexdigest(text.encode("utf-8", "surrogatepass"))
