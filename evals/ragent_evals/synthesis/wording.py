"""What is wrong with a question by its wording alone."""

from __future__ import annotations

import re

from ragent.rag.terms import terms
from ragent_evals.synthesis.framing import PLURAL_VERBS, SECOND_VERB, begins_with_verb, openings
from ragent_evals.synthesis.targets import Target

_GENERIC = re.compile(
    r"\b(?:main (?:idea|point|topic|purpose)|sentence|paragraph|(?:this|the) (?:text|document|passage)\b|"
    r"according to|mentioned|described above|following)\b",
    re.IGNORECASE,
)
_REFERRING = re.compile(
    r"\b(?:it|he|she|they|them|him|this|these|those|such|there|here|then|that (?:day|year|time|night|date)|"
    r"his|her|their|its|each one|both|former|latter|we|you|your|our|i|same)\b",
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
    r"\b(?:between|and|or) \?|[\"“”]",
    re.IGNORECASE,
)
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
_FEWEST_TERMS, _FEWEST_OF_NAME, _MOST_WORDS = 3, 4, 24

FLAWS = {
    "generic": "speaks of the passage, or could be asked of any",
    "reference": "holds a pronoun or another word whose meaning is elsewhere",
    "gives the answer": "holds the answer, or part of it",
    "broken": "isn't English",
    "thin": "has too few words of its own to say what it is about",
    "long": "is too long to be asked",
}
"""Reasons for which a question is dropped unread, and what each means."""


def flaw_of(question: str, target: Target) -> str:
    """The first of `FLAWS` that a question has, or ""."""
    said = terms(question)
    matter = said - terms(" ".join(question.split()[:3]))
    if _GENERIC.search(question):
        return "generic"
    if _REFERRING.search(question):
        return "reference"
    if _gives_away(question, target):
        return "gives the answer"
    if _is_broken(question, target):
        return "broken"
    if (
        len(said) < (_FEWEST_OF_NAME if target.kind == "name" else _FEWEST_TERMS)
        or len(matter) < _FEWEST_TERMS - 1
    ):
        return "thin"
    return "long" if len(question.split()) > _MOST_WORDS else ""


def _is_broken(question: str, target: Target) -> bool:
    """Whether it ends too early, lacks its verb, has one too many, or lists what no question lists."""
    if any(pattern.search(question) for pattern in (_OPEN_END, _BROKEN, _TWO_VERBS, _COMMA)):
        return True
    if question.count("(") != question.count(")") or SECOND_VERB.search(question):
        return True
    if not _turned_round(question, target):
        return True
    words = question.rstrip("?").lower().split()
    stated = target.sentence.text.lower()
    if do := _DO.search(question):
        # "does" takes the ending off the statement's verb: one word of the question isn't in the statement.
        asked = words[words.index(do[0].lower()) + 1 :]
        known = set(re.findall(r"[\w'’-]+", stated))
        return not any(word not in known or word in PLURAL_VERBS for word in asked)
    said = [match[0] for match in _VERB.finditer(question.lower())]
    if len(said) > 1 and not _SUBORDINATE.search(question):
        return True
    return any(not re.search(rf"\b{verb}", stated) for verb in said)


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
