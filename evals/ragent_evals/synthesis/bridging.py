"""Two-document questions: a name in a question gives way to what another document says of its bearer."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ragent_evals.synthesis.describing import Description, descriptions
from ragent_evals.synthesis.framing import frames
from ragent_evals.synthesis.sentences import Sentence
from ragent_evals.synthesis.targets import Target, names_in, targets_of
from ragent_evals.synthesis.wording import flaw_of, flaw_of_long
from ragent_evals.synthesis.writing import Proposal, Writer

NOUNS = (
    *("person", "officer", "company", "body", "vessel", "building", "place"),
    *("town", "island", "instrument", "machine", "event", "document"),
)
_SINGLE = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{3,}(?![\w'’-]| [A-Z\d])")
_TERM = re.compile(
    r"\b[Tt]he ([a-z]{5,})(?= (?:is|was|are|were|has|had|may|must|can|at|on|in|to|from)\b|[.,;])"
)
_CALENDAR = re.compile(
    r"(?:Jan|Febr)uary|March|April|May|June|July|August|(?:Sept|Nov|Dec)ember|October|\w+days?$"
)
_VESSEL = re.compile(r"(?:MV|SS|HMS|MS|RMS) ")
_WAYS = r"(?:crossings?|routes?|way|road|ferry|ferries|passage|journey|travel|went|moved|came|sails?)"
_NO_NOUN = re.compile(
    r"(?:at|in|on|by|to|from|for|with|of|behind|beside|near|and|or|the|than|about|under|over|into|through|"
    r"is|are|was|were|may|must|can|has|have|had|will|should|do|does|did|[a-z]+ed)"
)
"""What may stand before a name that isn't in apposition to a noun."""

_MOST_SENTENCES, _ALWAYS_RARE = 0.05, 12
_QUESTIONS, _DESCRIPTIONS = 2, 3


@dataclass(frozen=True, slots=True)
class Bridge:
    """An answer in a sentence with a name, and what other documents say of the name's bearer.

    `is_place`: whether some sentence speaks of the bearer as of a place.
    """

    name: str
    target: Target
    described: tuple[Description, ...]
    is_place: bool


@dataclass(frozen=True, slots=True)
class Composed:
    """A question that speaks of a name's bearer by a description, and how it came about."""

    proposal: Proposal
    description: Description
    phrase: str


def bridges(sentences: Sequence[Sentence], chance: random.Random) -> list[Bridge]:
    """All bridges between two documents, by a rare name or term: one of each name in turn, else by chance.

    Those come first for which a rule knows a question.
    """
    turns: list[tuple[bool, int, float, Bridge]] = []
    for name, holding in _shared(sentences).items():
        described = [each for sentence in holding for each in descriptions(name, sentence)]
        place = re.compile(rf"\b(?:in|at|from|near|{_WAYS} to) {re.escape(name)}\b")
        is_place = any(place.search(sentence.text) for sentence in holding)
        found = [
            Bridge(name, target, fitting, is_place)
            for sentence in holding
            for target in targets_of(sentence)
            if name not in target.text and (fitting := _fitting(target, described))
        ]
        chance.shuffle(found)
        found.sort(key=_is_hard)
        turns += [(_is_hard(bridge), turn, chance.random(), bridge) for turn, bridge in enumerate(found)]
    return [bridge for *_, bridge in sorted(turns, key=lambda turn: turn[:3])]


def _is_hard(bridge: Bridge) -> bool:
    """Whether no rule has a question without flaw that holds the name."""
    return not any(
        _names(question, bridge.name) and not flaw_of(question, bridge.target)
        for question in frames(bridge.target)
    )


def _shared(sentences: Sequence[Sentence]) -> dict[str, list[Sentence]]:
    """Names and terms that stand in several documents, though in few, with the sentences that hold each."""
    small = frozenset(word for sentence in sentences for word in re.findall(r"\b[a-z]+", sentence.text))
    holding: dict[str, list[Sentence]] = defaultdict(list)
    for sentence in sentences:
        names = {*names_in(sentence.text), *_TERM.findall(sentence.text)}
        names |= {word for word in _SINGLE.findall(sentence.text) if word.lower() not in small}
        for name in sorted(names):
            holding[name].append(sentence)
    most = max(_ALWAYS_RARE, len(sentences) * _MOST_SENTENCES)
    return {
        name: there
        for name, there in holding.items()
        if len({sentence.uri for sentence in there}) > 1 and len(there) <= most and not _CALENDAR.match(name)
    }


def _fitting(target: Target, described: Sequence[Description]) -> tuple[Description, ...]:
    """Those that stand in another document than the answer, and don't hold it."""
    return tuple(
        each
        for each in described
        if each.sentence.uri != target.sentence.uri and target.text not in each.sentence.text
    )


def compose(bridge: Bridge, writer: Writer) -> list[Composed]:
    """The likeliest questions about the target, with the name described in every way; the best first.

    The questions are made by rule and by the model under a grammar (`Writer.propose`); the noun of a name
    that doesn't tell its own ("the Custom House") is the model's choice among `NOUNS`, and so is the order.

    Raises:
        ContextOverflow: the model can't read the sentences.
        LLMError: the model fails.
    """
    proposals, _ = writer.propose(bridge.target)
    named = [proposal for proposal in proposals if _names(proposal.question, bridge.name)][:_QUESTIONS]
    if not named:
        return []
    found: list[Composed] = []
    for description in bridge.described[:_DESCRIPTIONS]:
        phrase = description.phrase("" if description.is_whole else _noun(description, bridge, writer))
        if not writer.is_clear(f"{phrase}?"):
            continue
        statement = f"{description.sentence.text} {bridge.target.sentence.text}"
        for proposal in named:
            question = _put(phrase, bridge.name, proposal.question)
            if flaw_of_long(question, bridge.target) or not writer.is_clear(question):
                continue
            (likelihood,) = writer.likelihoods(statement, bridge.target.text, [question])
            asked = replace(proposal, question=question, likelihood=likelihood)
            found.append(Composed(asked, description, phrase))
    return sorted(found, key=lambda one: -one.proposal.likelihood)


def _noun(description: Description, bridge: Bridge, writer: Writer) -> str:
    words = description.name.split()
    if _VESSEL.match(description.name):
        return "vessel"
    if words[-1].isdigit():
        return words[0].lower()
    if description.has_article and len(words) > 1:
        return words[-1].lower()
    if bridge.is_place and not description.has_article:
        return "place"
    known = f"{description.sentence.text}\n{bridge.target.sentence.text}"
    return writer.likeliest(f"{known}\n\nWhat is {bridge.name}? Answer in a word.", NOUNS, "A ")


def _names(question: str, name: str) -> bool:
    """Whether a question holds the name once, as such: no part of a longer one, no owner, no apposition."""
    if question.count(name) != 1 or not re.search(_whole(name), question):
        return False
    before = question[: question.index(name)].split()
    return bool(before) and bool(_NO_NOUN.fullmatch(before[-1].lower()))


def _put(phrase: str, name: str, question: str) -> str:
    return re.sub(_whole(name), lambda _: phrase, question)


def _whole(name: str) -> str:
    return rf"\b(?:the (?:old |present )?)?{re.escape(name)}(?![\w'’-]| [A-Z\d])"
