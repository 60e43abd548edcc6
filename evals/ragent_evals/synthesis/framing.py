"""Questions by rule: a statement is turned round, and the answer's place is asked for.

Many frames are tried, good and bad: a language model then says which are English, and the filters which are
right. This is to overgenerate and rank (Heilman & Smith 2010, "Good Question! Statistical Ranking for
Question Generation").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ragent_evals.synthesis.targets import Target

_AUXILIARY = re.compile(r"\b(is|are|was|were|may|must|can|has|have|had|will|should|cannot)\b")
_BREAK = re.compile(
    r"[;:(]|, (?:which|who|whose|where|when|and|but|so|because|as|while|if|unless|though|for|or|with|until)\b"
    r"| (?:because|although|whereas|unless|while|but) "
)
_LEADING = re.compile(
    r"(?P<lead>(?i:In|On|At|From|During|After|Before|Until|For|With|Between|By|Since|Within|If|When|"
    r"Under|Below|Above)\b[^,;:]{3,70}), (?P<rest>.+)"
)
_PREPOSITION = re.compile(
    r"(?:^|(?<= ))(at|on|in|by|from|until|for|to|within|above|below|after|before|of|with|over|under|since|"
    r"about|up to|at least|more than|less than|at most) $"
)
_ARTICLE = re.compile(r"\b(?i:the|a|an) $")
_CONJUNCTION = re.compile(r"^(?i:And|But|So|Then|Also|Therefore),? ")
_DATED = re.compile(
    r"(?P<lead>(?i:On|In|At|From|By|Since|Until) [^,;:]{0,40}?(?:\d{2,4}|[Ss]unday|year|\u2400)) "
    r"(?P<rest>(?!and |or )[A-Za-z].+)"
)
_AGAIN = re.compile(r"\band (is|are|was|were|may|must|can|has|have|had|will)\b")
SECOND_VERB = re.compile(
    r"\band (?:\w+ly )?[a-z]+s (?:every|out|the|a|an|to|in|on|at|up|off|by|from|no|not|for|with)\b|[:;]"
)
_SUBORDINATE = re.compile(r"\b(?:which|that|who|whose|where|when|if|whether|what|how|why|as|because)\b")
_DETERMINER = frozenset(
    ("the", "a", "an", "of", "in", "on", "at", "for", "and", "or", "to", "its", "with", "by", "from")
)
_IRREGULAR = {
    "began": "begin", "broke": "break", "bought": "buy", "brought": "bring", "built": "build", "came": "come",
    "cost": "cost", "drew": "draw", "fell": "fall", "felt": "feel", "found": "find", "gave": "give",
    "grew": "grow", "held": "hold", "kept": "keep", "led": "lead", "left": "leave", "lost": "lose",
    "made": "make", "met": "meet", "paid": "pay", "ran": "run", "rose": "rise", "said": "say", "sent": "send",
    "sold": "sell", "spoke": "speak", "stood": "stand", "sank": "sink", "struck": "strike", "took": "take",
    "went": "go", "won": "win", "wrote": "write", "became": "become", "lay": "lie", "put": "put",
}  # fmt: skip
PLURAL_VERBS = frozenset(
    (
        *(
            "need",
            "pay",
            "carry",
            "report",
            "change",
            "keep",
            "bring",
            "run",
            "stand",
            "cost",
            "leave",
            "take",
        ),
        *("cross", "come", "go", "begin", "end", "last", "give", "hold", "show", "make", "lie", "use"),
        *("receive", "require", "contain", "open", "close"),
    )
)
_THIRD = re.compile(r"[a-z]{2,}(?<!s)(?<!u)s")
_PAST = re.compile(r"[a-z]{2,}ed")
_NO_VERB = frozenset(
    (
        *("this", "its", "his", "was", "has", "is", "does", "always", "perhaps", "across", "sometimes"),
        *("need", "bed", "seed", "speed", "shed", "indeed", "hundred"),
    )
)
_OPENINGS: dict[str, tuple[str, ...]] = {
    "money": ("How much",),
    "share": ("What percentage", "What share"),
    "date": ("When", "On what date"),
    "year": ("When", "In what year"),
    "time": ("When", "At what time"),
}
_OF_PLACES = frozenset(("at", "in", "on", "to", "from"))
_TIMES = frozenset(("date", "year", "time"))
_FRONTED = frozenset(
    ("within", "above", "below", "over", "under", "from", "until", "for", "after", "before", "by", "since")
)
_LOST_E = re.compile(r"(?:[vczue]|[^s]s|[^eo]at|[^ae]ir|ur|dg|iz|[bpgdtc]l)$")
_MAY_LOSE_E = re.compile(r"(?:ag|ng|[aio]k|[aiou]d|[^ei]ar|[oi]n|om|ap|op|yp|ot|it|or)$")
_VESSEL = re.compile(r"MV|SS|HMS|RMS|MS|USS")
_ACTOR = re.compile(
    r"Officer|Master|Engineer|Manager|Director|Board|Committee|Council|Trust|Minister|Secretary|President|Chair|"
    r"Captain|Company|Ltd|Inc|Works|Union|Club|University|Department|Agency|Association|Group|Team|Court"
)
_NO_SUBJECT = frozenset(("When", "Where", "On what date", "In what year", "At what time", "How long"))
_DURATION = re.compile(r"(?:second|minute|hour|day|week|month|year)s?$")


@dataclass(frozen=True, slots=True)
class _Clause:
    """A main clause: subject, auxiliary ("" for a plain verb), the rest, and what stood before them."""

    subject: str
    auxiliary: str
    rest: str
    lead: str


_HOLE = "\u2400"
"""Stands for the answer while the clause is turned round."""


def frames(target: Target) -> tuple[str, ...]:
    """Questions that the target may answer, at most a few dozen, each once."""
    text = target.sentence.text
    if target.sentence.opens_small:
        text = text[0].lower() + text[1:]
    before = _ARTICLE.sub("", text[: target.start])
    holed = _CONJUNCTION.sub("", f"{before}{_HOLE}{text[target.end :]}".rstrip("."))
    found = [question for clause in _clauses(holed) for question in _asked(clause, target)]
    return tuple(dict.fromkeys(_tidy(question) for question in found))


def main_part(text: str) -> str:
    """A text up to where another clause begins."""
    end = _BREAK.search(text)
    return text[: end.start()] if end else text


def set_off_date(statement: str) -> str:
    """A statement with a comma after the date or the like that leads it, as "On 3 May, X"."""
    dated = _DATED.fullmatch(statement)
    return f"{dated['lead']}, {dated['rest']}" if dated else statement


def openings(target: Target) -> tuple[str, ...]:
    """How a question after such an answer may begin."""
    if target.kind == "measure":
        unit = target.text.split(" ", 1)[1]
        plain = (f"How many {unit}",) if len(unit) > 2 and " a " not in unit else ()
        return (*plain, "How long") if _DURATION.search(unit) else (*plain, "What")
    if target.kind == "count":
        return (f"How many {target.text.split(' ', 1)[1]}",)
    return _openings_of_name(target) if target.kind == "name" else _OPENINGS[target.kind]


def _openings_of_name(target: Target) -> tuple[str, ...]:
    first, last = target.text.split()[0], target.text.split()[-1]
    if _VESSEL.fullmatch(first):
        return ("Which vessel", "Which ship")
    if last[-1].isdigit():
        return (f"Which {first.lower()}",)
    if _ACTOR.fullmatch(last) or not target.sentence.text[: target.start].endswith(("the ", "The ")):
        return ("Who", "What", "Where")
    return ("What", "Where")


def verb_forms(statement: str) -> tuple[str, ...]:
    """A question's verbs, from its statement: the auxiliaries there, or else "do" and base forms."""
    words = statement.rstrip(".").split(" ")
    if auxiliaries := [match[1] for match in _AUXILIARY.finditer(statement)]:
        return tuple(dict.fromkeys(auxiliaries))
    pairs = [
        pair
        for previous, word in pairwise(words)
        if previous.lower() not in _DETERMINER
        for pair in _bases(word, previous.lower())
    ]
    return tuple(dict.fromkeys(form for pair in pairs for form in pair))


def _clauses(holed: str) -> Iterator[_Clause]:
    """Ways to part a sentence, or the part of it that holds the answer."""
    lead, body = "", holed
    if match := _LEADING.fullmatch(holed) or _DATED.fullmatch(holed):
        lead, body = match["lead"], match["rest"]
    if _HOLE not in body:
        # The answer is in what leads: it takes the place of an adverbial behind the clause.
        body, lead = f"{main_part(body)} {lead}", ""
    body = _around_answer(body)
    if body.startswith(_HOLE):
        yield _Clause(_HOLE, "", body.split(_HOLE, 1)[1].strip(), lead)
    before = body.split(_HOLE)[0]
    for match in _AUXILIARY.finditer(before):
        subject = body[: match.start()].strip()
        if subject and not _SUBORDINATE.search(subject):
            yield _Clause(subject, match[1], body[match.end() :].strip(), lead)
            break
    else:
        yield from _plain(body, lead)


def _plain(body: str, lead: str) -> Iterator[_Clause]:
    """Clauses without an auxiliary: whatever may be the verb gets "do", and its base form."""
    words = body.split(" ")
    for place in range(1, min(len(words), 12)):
        word, previous = words[place], words[place - 1].lower()
        if (
            _HOLE in " ".join(words[: place + 1])
            or previous in _DETERMINER
            or _SUBORDINATE.search(" ".join(words[:place]))
        ):
            continue
        subject, rest = " ".join(words[:place]), " ".join(words[place + 1 :])
        for auxiliary, base in _bases(word, previous):
            yield _Clause(subject, auxiliary, f"{base} {rest}", lead)


def _bases(word: str, previous: str) -> Iterator[tuple[str, str]]:
    if word in _NO_VERB:
        return
    if word in _IRREGULAR:
        yield "did", _IRREGULAR[word]
    elif _PAST.fullmatch(word):
        stem = word[:-2]
        if _LOST_E.search(stem):
            yield "did", f"{stem}e"
            return
        yield "did", f"{stem[:-1]}y" if stem.endswith("i") else stem
        if _MAY_LOSE_E.search(stem):
            yield "did", f"{stem}e"
        if len(stem) > 3 and stem[-1] == stem[-2]:
            yield "did", stem[:-1]
    elif word in PLURAL_VERBS and previous.endswith("s"):
        yield "do", word
    elif _THIRD.fullmatch(word):
        yield "does", word[:-3] + "y" if word.endswith("ies") else word[:-1]
        if word.endswith(("sses", "shes", "ches", "xes", "oes")):
            yield "does", word[:-2]


def _asked(clause: _Clause, target: Target) -> Iterator[str]:
    if clause.subject == _HOLE:
        for opening in openings(target):
            if opening not in _NO_SUBJECT and begins_with_verb(clause.rest, plural=target.kind == "count"):
                for rest in dict.fromkeys((main_part(clause.rest), main_part(clause.rest).split(",")[0])):
                    yield f"{opening} {rest}{_after(clause.lead)}"
        return
    between, after = clause.rest.split(_HOLE, 1) if _HOLE in clause.rest else (clause.rest, "")
    auxiliary = clause.auxiliary
    if again := _AGAIN.search(between):
        auxiliary, between = again[1], between[again.end() :]
    match = _PREPOSITION.search(between)
    preposition = match[1] if match else ""
    stem = between[: match.start()] if match else between
    verb = "not" if auxiliary == "cannot" else ""
    auxiliary = "can" if verb else auxiliary
    if _SUBORDINATE.search(between) or SECOND_VERB.search(between):
        return
    if between.endswith(", ") or after.startswith((" of ", " or more")):
        return
    whole = main_part(after)
    for trailing in dict.fromkeys((whole, whole.split(",")[0], whole.split(" and ")[0], "")):
        core = " ".join(
            part for part in (auxiliary, clause.subject, verb, stem.strip(), trailing.strip()) if part
        )
        core += _after(clause.lead)
        for opening in openings(target):
            yield from _opened(opening, preposition, core, target)


def begins_with_verb(rest: str, *, plural: bool = False) -> bool:
    """Whether a predicate begins with its verb, an adverb before it aside; `plural`: of many things."""
    words = rest.split()
    first = next((word for word in words if not word.endswith("ly") and word not in {"always", "never"}), "")
    return (
        bool(_AUXILIARY.match(rest) or _THIRD.fullmatch(first) or _PAST.fullmatch(first))
        or first in _IRREGULAR
        or (plural and first in PLURAL_VERBS)
    )


def _opened(opening: str, preposition: str, core: str, target: Target) -> Iterator[str]:
    """The question with its opening, and with the answer's preposition before or behind."""
    if target.kind in _TIMES:
        yield from _timed(opening, preposition, core, target)
    elif opening == "Where":
        if preposition in _OF_PLACES:
            yield f"Where {core}{' from' if preposition == 'from' else ''}"
    elif opening == "Who" and preposition:
        yield f"{preposition.capitalize()} whom {core}"
        yield f"Who {core} {preposition}"
    elif opening == "How long" and preposition in {"for", ""}:
        yield f"How long {core}"
    elif preposition in _FRONTED | {"in", "at", "to", "on", "up to", "at least", "more than"}:
        yield f"{preposition.capitalize()} {opening[0].lower()}{opening[1:]} {core}"
        if preposition in {"for", "to", "at", "by"}:
            yield f"{opening} {core} {preposition}"
            yield f"{opening} {core}"
    elif preposition:
        yield f"{opening} {core} {preposition}"
    else:
        yield f"{opening} {core}"


def _timed(opening: str, preposition: str, core: str, target: Target) -> Iterator[str]:
    if preposition in {"on", "in", "at", ""}:
        yield f"{opening} {core}"
    elif preposition in _FRONTED:
        yield f"{preposition.capitalize()} what {target.kind} {core}"
        yield f"{preposition.capitalize()} when {core}"


def _around_answer(body: str) -> str:
    """The clause with the answer: what another clause says is cut off, before it only where that is safe."""
    place = body.index(_HOLE)
    start = body.rfind("; ", 0, place)
    if start >= 0:
        return body[start + 2 :]
    end = _BREAK.search(body, place)
    return body[: end.start()] if end else body


def _after(lead: str) -> str:
    return f" {lead}" if lead else ""


def _tidy(question: str) -> str:
    words = re.sub(r"\s+([,.?'])", r"\1", " ".join(question.split())).strip(" ,.")
    return f"{words[0].upper()}{words[1:]}?"
