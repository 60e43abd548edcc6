"""What is wrong with a question by its wording alone."""

from __future__ import annotations

import re

from ragent.rag.terms import terms
from ragent_evals.synthesis.framing import PLURAL_VERBS, SECOND_VERB, begins_with_verb, openings
from ragent_evals.synthesis.targets import Target, found_in

_GENERIC = re.compile(
    r"\b(?:main (?:idea|point|topic|purpose)|sentence|paragraph|(?:this|the) (?:text|document|passage)\b|"
    r"according to|mentioned|described above|following)\b",
    re.IGNORECASE,
)
_REFERRING = re.compile(
    r"\b(?:it|he|she|they|them|him|this|these|those|such|there|here|then|that (?:day|year|time|night|date)|"
    r"(?:it|him|her)self|themselves|his|her|their|its|each one|both|former|latter|"
    r"(?:new|old|other) ones?|we|you|your|our|i|same)\b",
    re.IGNORECASE,
)
_OPEN_END = re.compile(
    r"\b(?:the|a|an|and|or|but|which|who|that|than|as|if|when|its|between|less|more|up|to be|of)\?$",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"\b(?:the|a|an) (?:and|or|of|in|at|on|to|for|is|was|the|a|with|from|by)\b|\b(\w+) \1\b|[,;:] ?\?|\(\)|"
    r"\b(?:of|at|from|with|by|for|in) (?:of|and|or|for|is|was|at)\b|\bthe,|\band ?,|  |\. |\ba the\b|"
    r"\bthe \d|\bOn how long|\b(?:does|do|did|is|are|was|were|must|may|can|has) "
    r"(?:during|from|on|at|after|before|by|since|no)\b|"
    r"\bby what\b.* by\?|\babout\?|\band (?:within|at|in|on|for|from|to|of|by|with|not|is|never)\b| /|"
    r"^What (?:is|are|was|were) .* (?:thick|long|wide|high|deep|heavy)\?|"
    r"^How much (?:is|are|was|were) .*\w{3}ed(?: once| twice)?\?|"
    r"\b(?:between|and|or) \?|\band (?:\w+ ){1,3}\d+\?|[\"“”]",
    re.IGNORECASE,
)
_PREPOSITION_END = re.compile(r"\b(?:in|on|at|by|from|for|with|of|under|over|into)\?$")
_BE = r"(?:is|are|was|were|may|must|can|has|had|will|should)"
_TWO_VERBS = re.compile(
    rf"\b(?:do|does|did)\b(?!.*\b(?:that|which|who|when|if|how)\b).*\b{_BE}\b|\band\b.*\b{_BE}\b"
)
_VERB = re.compile(rf"\b{_BE}\b")
_DO = re.compile(r"\b(?:do|does|did)\b")
_COMMA = re.compile(r",(?!\d)")
_SUBORDINATE = re.compile(r"\b(?:that|which|who|when|if|whether|as)\b")
_FRONTED = re.compile(
    r"(?:\w+ |At least |Up to |More than )?"
    r"(?:when|how long|(?:what|how) (?:date|year|time|much|percentage|share))\b(?P<rest>.*)",
    re.IGNORECASE,
)
_FIRST = re.compile(rf" ?(?:do|does|did|{_BE}|is)\b")
_LEAST_SHARE = 0.4
_FEWEST_TERMS, _FEWEST_OF_NAME, _MOST_WORDS, _MOST_WORDS_OF_TWO = 3, 4, 24, 32

FLAWS = {
    "generic": "speaks of the passage, or could be asked of any",
    "reference": "holds a pronoun or another word whose meaning is elsewhere",
    "unclear": "holds a definite noun that only the text around the sentence explains",
    "gives the answer": "holds the answer, or part of it",
    "broken": "isn't English",
    "thin": "has too few words of its own to say what it is about",
    "long": "is too long to be asked",
}
"""Reasons for which a question is dropped unread, and what each means."""


def flaw_of(question: str, target: Target) -> str:
    """The first of `FLAWS` that a question has, or ""."""
    if _GENERIC.search(question):
        return "generic"
    if _REFERRING.search(question):
        return "reference"
    if _gives_away(question, target):
        return "gives the answer"
    if _is_broken(question, target):
        return "broken"
    if _is_thin(question, target):
        return "thin"
    return "long" if len(question.split()) > _MOST_WORDS else ""


def flaw_of_long(question: str, target: Target) -> str:
    """The first of `FLAWS` that a question of several clauses has, whose grammar isn't looked into; or ""."""
    if _GENERIC.search(question):
        return "generic"
    if _REFERRING.search(question):
        return "reference"
    if _gives_away(question, target):
        return "gives the answer"
    return "long" if len(question.split()) > _MOST_WORDS_OF_TWO else ""


def _is_thin(question: str, target: Target) -> bool:
    said = terms(question)
    for opening in openings(target):
        said -= terms(opening)
    stated = terms(target.sentence.text) - terms(target.text)
    fewest = _FEWEST_OF_NAME if target.kind == "name" else _FEWEST_TERMS
    return len(said) < fewest or len(said & stated) < _LEAST_SHARE * len(stated)


def _is_broken(question: str, target: Target) -> bool:
    """Whether it ends too early, lacks its verb, has one too many, or lists what no question lists."""
    marks = [_OPEN_END, _BROKEN, _TWO_VERBS, _COMMA, SECOND_VERB]
    if target.kind in {"date", "year", "time"}:
        marks.append(_PREPOSITION_END)
    return (
        any(mark.search(question) for mark in marks)
        or question.count("(") != question.count(")")
        or not _turned_round(question, target)
        or _dates_itself(question, target)
        or not _has_one_verb(question, target)
    )


def _has_one_verb(question: str, target: Target) -> bool:
    """Whether its auxiliary is the statement's, and the only one; or "do" has a base form with it."""
    words = question.rstrip("?").lower().split()
    stated = target.sentence.text.lower()
    if do := _DO.search(question):
        asked = words[words.index(do[0].lower()) + 1 :]
        known = set(re.findall(r"[\w'’-]+", stated))
        is_new = any(word not in known or word in PLURAL_VERBS for word in asked)
        return is_new and len(_DO.findall(question)) == 1
    said = _VERB.findall(question.lower())
    if len(said) > 1 and not _SUBORDINATE.search(question):
        return False
    return all(re.search(rf"\b{verb}", stated) for verb in said)


def _dates_itself(question: str, target: Target) -> bool:
    """Whether a question after a date or year holds one: two statements were mixed up."""
    return target.kind in {"date", "year"} and any(
        kind in {"date", "year"} and len(question[start:end]) >= len("1900")
        for kind, start, end in found_in(question)
    )


def _turned_round(question: str, target: Target) -> bool:
    """Whether an auxiliary, or the verb of which the answer is the subject, follows what is asked for."""
    if target.kind in {"date", "year", "time", "money", "share"}:
        opened = _FRONTED.match(question)
        if not opened:
            return False
        rest = opened["rest"]
        return bool(_FIRST.match(rest)) or (
            target.kind in {"money", "share"} and begins_with_verb(rest.strip())
        )
    asked = next((each for each in openings(target) if each.lower() in question.lower()), "")
    rest = question[question.lower().index(asked.lower()) + len(asked) :].strip(" ?") if asked else ""
    plain = target.kind == "measure" and asked == "How long"
    return (
        bool(_FIRST.match(rest))
        or (not plain and begins_with_verb(rest, plural=target.kind == "count"))
        or "whom" in question
    )


def _gives_away(question: str, target: Target) -> bool:
    answer = terms(target.text)
    if target.kind in {"measure", "count"}:  # "How many days": the unit may be said
        answer -= terms(target.text.split(" ", 1)[1])
    return not answer or bool(answer & terms(question))
