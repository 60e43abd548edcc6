"""What a sentence says of the bearer of a name, so that a question can speak of it without the name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ragent.rag.terms import denies, terms
from ragent_evals.synthesis.framing import begins_with_verb, main_part, set_off_date
from ragent_evals.synthesis.sentences import Sentence
from ragent_evals.synthesis.targets import names_in

_RELATIVE = re.compile(r", (?:which|who) (?P<said>[^,;:(]+)")
_APPOSITION = re.compile(r", (?:the|an?) (?P<what>[a-z][^,;:()]{6,90}?)(?=,|$)")
_PREPOSITION = re.compile(r"(?P<clause>.+) (?P<preposition>at|in|on|by|to|from|for|behind|beside|into)")
_BEHIND_VERB = re.compile(
    r"\b(?:is|are|was|were|stands?|stood|goes|go|lies|lay|moored|lives?|leads?|works?|ends?|begins?|began|"
    r"came|comes|met|held|built|kept|paid|sent|given|taken|bought|sold|made|[a-z]{3,}(?<!e)ed)"
    r"(?: [a-z]+ly| back| deep| early)?(?: (?:at|in|on|by|to|for|into)(?: the)?(?: old| present| new)?)?$"
)
_MEASURED = re.compile(r" (?:deep|high|long|wide)$")
_OTHERS = re.compile(
    r"\band (?:the )?(?:[A-Z]|is\b|are\b|was\b|were\b)"
    r"|\b(?:it|its|his|her|their|they|he|she|this|these|there|such|then)\b"
)
_SUBORDINATE = re.compile(
    r"\b(?:which|that|who|whose|where|when|if|whether|what|how|why|as|because|but|than)\b"
)
_NAMED = re.compile(r"(?:is|was) (?:the|an?) (?P<what>.+)")
_COPULA = re.compile(r"\b(?:is|are|was|were)$")
_PLACES = frozenset(("at", "in", "on", "behind", "beside"))
_ADVERBIAL = re.compile(r"(?:at|in|on|beside|behind|near|of|with) ")
_FEWEST_TERMS, _FEWEST_OF_NAME, _MOST_WORDS = 3, 2, 18


@dataclass(frozen=True, slots=True)
class Description:
    """Words for the bearer of a name, without the name.

    Attributes:
        name: as the sentence has it.
        sentence: that says it.
        words: what follows "the NOUN", as "in which the water stood"; or all of it, where `is_whole`.
        is_whole: whether the words have a noun of their own, as "commercial quay".
        has_article: whether the name itself stands after "the".
    """

    name: str
    sentence: Sentence
    words: str
    is_whole: bool
    has_article: bool

    def phrase(self, noun: str) -> str:
        """The whole of it: "the quay", or "the house in which the water stood"."""
        if self.is_whole:
            return f"the {self.words}"
        words = self.words
        if noun in PEOPLE:
            words = re.sub(r"^that\b", "who", re.sub(r"^(\w+) which\b", r"\1 whom", words))
        return f"the {noun} {words}"


PEOPLE = frozenset(("person", "officer", "master", "engineer", "manager", "secretary", "director"))


def descriptions(name: str, sentence: Sentence) -> Iterator[Description]:
    """What the sentence says of the name: behind it, before it, or as its subject. Often nothing."""
    text = sentence.text.rstrip(".")
    found = re.search(
        rf"(?P<article>\b[Tt]he (?:old |present )?)?(?<![\w'’-]){re.escape(name)}(?![\w'’-])", text
    )
    if not found or re.match(r" [A-Z]", text[found.end() :]) or text.count(name) > 1:
        return
    before, after = text[: found.start()].strip(), text[found.end() :]
    if re.search(r"\b[A-Z][\w'’-]*$", before) and found["article"] is None:
        return
    if before and sentence.opens_small:
        before = before[0].lower() + before[1:]
    for words, is_whole in _said(before, after):
        if _is_telling(words, name, is_whole):
            yield Description(name, sentence, words, is_whole, found["article"] is not None)


def _said(before: str, after: str) -> Iterator[tuple[str, bool]]:
    if not before or _BEHIND_VERB.search(before):
        if apposed := _APPOSITION.match(after):
            if not names_in(apposed["what"]):
                yield apposed["what"], True
        elif relative := _RELATIVE.match(after):
            yield f"that {main_part(relative['said']).strip()}", False
    if not before:
        if said := _predicate(main_part(after).strip()):
            named = _NAMED.fullmatch(said)
            yield (named["what"], True) if named else (f"that {said}", False)
    elif clause := _PREPOSITION.fullmatch(set_off_date(before)):
        yield from _around(clause["clause"], clause["preposition"])


def _predicate(rest: str) -> str:
    """The verb of which the name is the subject and what follows, without an adverbial before it."""
    words = rest.split()
    for place in range(min(len(words), 8)):
        if place and not _ADVERBIAL.match(rest):
            break
        said = " ".join(words[place:])
        if begins_with_verb(said) and "," not in said:
            return said
    return ""


def _around(clause: str, preposition: str) -> Iterator[tuple[str, bool]]:
    """The clause that ends with the name, turned into one behind a noun."""
    lead, _, body = clause.rpartition(", ")
    if lead and not re.match(r"(?:on|in|at|from|since|until) [^,]+$", lead, re.IGNORECASE):
        return
    is_statement = not _SUBORDINATE.search(body) and any(
        begins_with_verb(" ".join(body.split()[place:])) for place in range(1, len(body.split()))
    )
    if _COPULA.search(body) and preposition not in _PLACES:
        return
    if is_statement and (_BEHIND_VERB.search(body) or _MEASURED.search(body)):
        yield f"{preposition} which {body}{f' {lead}' if lead else ''}", False


def _is_telling(words: str, name: str, is_whole: bool) -> bool:
    said = terms(words)
    has_name = is_whole or bool(names_in(words)) or bool(re.search(r" (?:[A-Z]|\d{4})", words))
    return (
        len(said) >= (_FEWEST_OF_NAME if has_name else _FEWEST_TERMS)
        and len(words.split()) <= _MOST_WORDS
        and not said & terms(name)
        and not _OTHERS.search(words)
        and not denies(words)
    )
