"""What came of a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that a search found. `text_id` is the set's own, or the document's address."""

    text_id: str
    score: float
    start: int
    end: int
    text: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Quoted:
    """A citation of an answer. `is_verbatim`: those characters of the document were these very words."""

    text_id: str
    start: int
    end: int
    quote: str
    is_verbatim: bool
    marker: int = 0
    support: float = 0.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a case took. Seconds of the clock, but `cpu_seconds` where nothing else ran beside it."""

    seconds: float = 0.0
    first_token_seconds: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reused_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case, as the database keeps it (as JSON, by field names).

    Attributes:
        case_id: of which case.
        text: the answer or the output, without judgement of it.
        abstained: whether it was withheld.
        support: how sure ragent was, 0 to 1; None where that isn't said.
        found: what was found, best first.
        quotes: what the answer cites.
        value: what was written under a schema, or None.
        calls: what was called, [{"name": ..., "arguments": {...}}].
        turns: of a conversation: what came of each turn, in order.
        signals: figures a subject adds for metrics: {"logprob": -12.3, "tokens": 40}, say.
        cost: what it took.
        error: why there is nothing, "" if there is: such a case counts as failed in every metric.
        trace_id: its trace in the database; "" if none was kept.
    """

    case_id: str
    text: str = ""
    abstained: bool = False
    support: float | None = None
    found: tuple[Found, ...] = ()
    quotes: tuple[Quoted, ...] = ()
    value: Any = None
    calls: tuple[Mapping[str, Any], ...] = ()
    turns: tuple[Outcome, ...] = ()
    signals: Mapping[str, float] = field(default_factory=dict)
    cost: Cost = Cost()
    error: str = ""
    trace_id: str = ""
