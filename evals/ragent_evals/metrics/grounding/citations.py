"""Whether citations are right, as ALCE decides it (Gao et al. 2023, arXiv:2305.14627)."""

from __future__ import annotations

from ragent_evals.metrics.grounding.statements import Statement, bears_out
from ragent_evals.metrics.words import normalized
from ragent_evals.outcome import Quoted
from ragent_evals.sets.case import Case, Passage


def is_supported(statement: Statement, case: Case) -> bool:
    """Whether what a statement cites bears it out, taken together. One that cites nothing isn't."""
    return bears_out([each.quote for each in statement.cited if each], statement.text, case.question)


def right_citations(statement: Statement, case: Case) -> int:
    """How many of a statement's citations are right.

    Where all of them together bear the statement out, one is right that does so alone, or without which the
    others don't. One where the answer stands is right in any case. A marker that names no quote is wrong.
    """
    supported = is_supported(statement, case)
    return sum(
        is_gold(quote, case) or (supported and _counts(place, statement, case))
        for place, quote in enumerate(statement.cited)
        if quote is not None
    )


def is_gold(quote: Quoted, case: Case) -> bool:
    """Whether a quote lies in a passage of the case, or holds one."""
    return any(each.text_id == quote.text_id and _within(quote, each) for each in case.passages)


def _within(quote: Quoted, passage: Passage) -> bool:
    if passage.start is None or passage.end is None:
        said, wanted = (f" {' '.join(normalized(text))} " for text in (quote.quote, passage.quote))
        return bool(said.strip() and wanted.strip()) and (said in wanted or wanted in said)
    inside = passage.start <= quote.start and quote.end <= passage.end
    return inside or (quote.start <= passage.start and passage.end <= quote.end)


def _counts(place: int, statement: Statement, case: Case) -> bool:
    quotes = [each.quote if each else "" for each in statement.cited]
    others = quotes[:place] + quotes[place + 1 :]
    alone = bears_out(quotes[place : place + 1], statement.text, case.question)
    return alone or not bears_out(others, statement.text, case.question)
