"""What an answer says, sentence by sentence, and whether texts bear it out.

No model judges here: a text bears a sentence out as `ragent.rag.citing` has it, by stemmed content words,
rare ones weighing more, with no number of its own and no "not" that only one of the two has. That is quick,
the same every time and blind to paraphrase: a judge sees more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from ragent.chunking import split_sentences
from ragent.rag.citing import MIN_SUPPORT
from ragent.rag.terms import Weights, denies, numbers, terms
from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric
from ragent_evals.outcome import Outcome, Quoted
from ragent_evals.sets.case import Case, Kind

KINDS: tuple[Kind, ...] = ("answer",)
_MARKER = re.compile(r"\s*\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer, and the quotes that its markers name; None where one names none."""

    text: str
    cited: tuple[Quoted | None, ...]


def statements(outcome: Outcome) -> list[Statement]:
    """What an answer states, in order. A marker belongs to the sentence that it follows or stands in."""
    quotes = {quote.marker: quote for quote in outcome.quotes}
    pieces, marks, length, end = [], [], 0, 0
    for found in _MARKER.finditer(outcome.text):
        pieces.append(outcome.text[end : found.start()])
        length += len(pieces[-1])
        marks.append((length, int(found[1])))
        end = found.end()
    plain = "".join([*pieces, outcome.text[end:]])
    spans = split_sentences(plain)
    ends = [start for start, _ in [*spans, (len(plain), len(plain))]][1:]
    made: list[Statement] = []
    for (start, stop), following in zip(spans, ends, strict=True):
        cited = tuple(quotes.get(marker) for place, marker in marks if start < place <= following)
        made.append(Statement(plain[start:stop], cited))
    return made


def bears_out(texts: Sequence[str], statement: str, question: str) -> bool:
    """Whether some texts, taken together, say what a statement says in answer to a question."""
    parts = [text[start:end] for text in texts for start, end in split_sentences(text)]
    if not parts:
        return False
    held = [terms(part) for part in parts]
    weights = Weights(held)
    # "Yes." has no words of its own: what bears on the question must carry it.
    wanted = terms(statement) or terms(question)
    everything = frozenset(chain.from_iterable(held))
    if weights.coverage(wanted, everything) < MIN_SUPPORT:
        return False
    nearest = max(range(len(parts)), key=lambda place: weights.coverage(wanted, held[place]))
    same_sense = denies(statement) == denies(parts[nearest])
    return same_sense and numbers(wanted) - terms(question) <= everything


def open_grounding(name: str, of: Callable[[Case, Outcome, Sequence[Statement]], float]) -> Metric:
    """A metric over the statements of answers that were given and have any."""

    def share(case: Case, outcome: Outcome) -> float | None:
        made = [] if outcome.abstained else statements(outcome)
        return of(case, outcome, made) if made else None

    return PerCase(name, KINDS, share)
