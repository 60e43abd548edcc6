"""What probes are made of: answerable questions, the text that answers each, and likely texts that don't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ragent.errors import EvalError
from ragent_evals.metrics.words import normalized
from ragent_evals.running.texts import Ground
from ragent_evals.sets.case import Case, EvalSet
from ragent_evals.sets.choosing import spread
from ragent_evals.sets.digests import corpus_of, version_of

OTHERS = 8
_LOOKED_AT = 40


@dataclass(frozen=True, slots=True)
class Material:
    """Cases to probe with.

    Attributes:
        of: the set, whose cases are all answerable, and name the text that answers them.
        others: by case, texts that a search likes best for its question, but that hold none of its answers;
            likeliest first.
    """

    of: EvalSet
    others: Mapping[str, tuple[str, ...]]


def gold_of(case: Case) -> str:
    """The text that answers a case; "" if none is named, or if it takes several."""
    named = {*(id_ for id_, grade in case.relevant.items() if grade), *(one.text_id for one in case.passages)}
    return named.pop() if len(named) == 1 else ""


def narrowed(of: EvalSet, cases: int, texts: int) -> EvalSet:
    """The cases that would be probed with, their texts, and others evenly spread, so many texts in all.

    Raises:
        EvalError: the set brings no texts, or has no case to probe with.
    """
    if not of.texts:
        raise EvalError(f"{of.name} brings no texts that could be limited", hint="probe it without --texts")
    chosen = tuple(_chosen(of, cases))
    right = {gold_of(case) for case in chosen}
    others = spread([text_id for text_id in of.texts if text_id not in right], max(0, texts - len(right)))
    kept = {text_id: text for text_id, text in of.texts.items() if text_id in right.union(others)}
    return EvalSet(of.name, chosen, kept, version_of(chosen), corpus_of(kept))


def gather(ground: Ground, of: EvalSet, most: int) -> Material:
    """So many of a set's answerable cases, spread over it, with texts to distract from the right one.

    The texts are those that hold an answer's words nowhere, as RGB has it (Chen et al. 2023,
    arXiv:2309.01431): a text that answers the question, too, would be no distraction.

    Raises:
        EvalError: no case is answerable and names the text that answers it, or there is no other text.
    """
    cases = _chosen(of, most)
    results = ground.rag.search_many([case.question for case in cases], _LOOKED_AT, by_document=True)
    others = {
        case.id: _distracting(
            ground, case, [(ground.text_id(hit.uri), hit.document_id) for hit in result.hits]
        )
        for case, result in zip(cases, results, strict=True)
    }
    # With nothing given, a case would be asked of all texts.
    accompanied = tuple(case for case in cases if others[case.id])
    if not accompanied:
        raise EvalError(f"{of.name} has no text beside those that answer", hint="it needs some to distract")
    return Material(replace(of, cases=accompanied), others)


def _chosen(of: EvalSet, most: int) -> list[Case]:
    fit = [case for case in of.cases if case.kind == "answer" and case.answers and gold_of(case)]
    if not fit:
        raise EvalError(
            f"{of.name} has no answerable case that names the one text which answers it",
            hint="probes put that text among others: cases need context_id, relevant or passages",
        )
    return spread(fit, most)


def _distracting(ground: Ground, case: Case, found: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    kept: list[str] = []
    for text_id, document_id in found:
        if text_id == gold_of(case) or len(kept) == OTHERS:
            continue
        if not holds(ground.rag.store.document_text(document_id) or "", case.answers):
            kept.append(text_id)
    return tuple(kept)


def holds(text: str, answers: Sequence[str]) -> bool:
    """Whether a text says one of some answers, but for case, articles and punctuation."""
    said = f" {' '.join(normalized(text))} "
    return any(words and f" {' '.join(words)} " in said for words in map(normalized, answers))
