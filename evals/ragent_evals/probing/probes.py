"""The probes: each makes cases of a set harder in one way, by levels, and says which in their slices.

They draw nothing by chance. A case keeps its question and its answers, and is asked over `given` texts, so
that nothing differs between two levels but what the probe is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ragent.errors import EvalError
from ragent_evals.probing.contradicting import changed_answer, changed_text
from ragent_evals.probing.material import Material, gold_of
from ragent_evals.probing.rephrasing import RULES
from ragent_evals.sets.case import Case, EvalSet, Text
from ragent_evals.sets.digests import corpus_of, version_of

Probe = Callable[[Material], EvalSet]

NOISE = (0, 2, 4, 8)
BESIDE = 4
"""How many texts stand beside the right one in probes that aren't about their number."""


def noise(material: Material) -> EvalSet:
    """The right text first, then 0, 2, 4 and 8 others that a search likes for the question."""
    levels = {
        f"{count} others": lambda case, count=count: _over(
            case, [gold_of(case), *_others(material, case)[:count]]
        )
        for count in NOISE
    }
    return _probed(material, "noise", levels)


def rejection(material: Material) -> EvalSet:
    """The right text among others, and the others alone: then silence is the right answer."""

    def without(case: Case) -> Case:
        relevant = dict.fromkeys(case.relevant, 0)
        silent = replace(case, answers=(), is_impossible=True, relevant=relevant, passages=())
        return _over(silent, _others(material, case)[: BESIDE + 1])

    levels = {"text there": lambda case: _among(material, case), "text gone": without}
    return _probed(material, "rejection", levels)


def position(material: Material) -> EvalSet:
    """The right text first, in the middle and last of five (Liu et al. 2023, arXiv:2307.03172)."""
    places = {"first": 0, "middle": BESIDE // 2, "last": BESIDE}
    levels = {name: lambda case, place=place: _among(material, case, place) for name, place in places.items()}
    return _probed(material, "position", levels)


def contradiction(material: Material) -> EvalSet:
    """The right text, and beside it a copy that says another answer: after it, or before it.

    Cases whose answer stands nowhere in their text, or that no other answer fits, are left out.
    """
    texts: dict[str, Text] = {}
    cases = []
    for case in material.of.cases:
        text = material.of.texts.get(gold_of(case))
        other = changed_answer(case, material.of.cases)
        copy = changed_text(text, case, other) if text and other else None
        if copy:
            # It says all but the answer that the text says, so it must be forgotten with it.
            texts[copy_of(case)] = replace(copy, origin=gold_of(case))
            cases.append(case)
    if not cases:
        raise EvalError(
            f"{material.of.name} has no case whose answer could be changed in its text",
            hint="contradictions need a set with texts of its own, in which the answers stand word for word",
        )

    def beside(*ids: Callable[[Case], str]) -> Callable[[Case], Case]:
        def change(case: Case) -> Case:
            return _over(case, [*(id_of(case) for id_of in ids), *_others(material, case)[:BESIDE]])

        return change

    levels = {
        "no conflict": beside(gold_of),
        "right first": beside(gold_of, copy_of),
        "wrong first": beside(copy_of, gold_of),
    }
    probed = _probed(replace(material, of=replace(material.of, cases=tuple(cases))), "contradiction", levels)
    return _with_texts(probed, texts)


def paraphrase(material: Material, by_model: Mapping[str, str] | None = None) -> EvalSet:
    """The question in other words: by rules, and as a model has it, by case. Asked of all texts."""
    said = by_model or {}

    def by_rule(rule: Callable[[str], str]) -> Callable[[Case], Case | None]:
        return lambda case: replace(case, question=rule(case.question))

    def by_the_model(case: Case) -> Case | None:
        return replace(case, question=said[case.id]) if case.id in said else None

    levels = {name: by_rule(rule) for name, rule in RULES.items()}
    if said:
        levels["by the model"] = by_the_model
    return _probed(material, "paraphrase", levels)


PROBES: Mapping[str, Probe] = {
    "noise": noise,
    "rejection": rejection,
    "contradiction": contradiction,
    "position": position,
    "paraphrase": paraphrase,
}


def joined(sets: Sequence[EvalSet]) -> EvalSet:
    """Several probes of one set as one set."""
    texts: dict[str, Text] = {}
    for one in sets:
        texts |= one.texts
    cases = tuple(case for one in sets for case in one.cases)
    return EvalSet(sets[0].name, cases, texts, version_of(cases), corpus_of(texts))


def copy_of(case: Case) -> str:
    """The id of the copy of a case's text that says another answer. The case may be a probe's."""
    return f"{gold_of(case)}~{origin_of(case)}"


def origin_of(case: Case) -> str:
    """The id of the case that a probe made this one of."""
    return case.id.rsplit("~", 2)[0] if "probe" in case.slices else case.id


def _probed(material: Material, name: str, levels: Mapping[str, Any]) -> EvalSet:
    made: list[Case] = []
    for level, change in levels.items():
        for case in material.of.cases:
            changed = change(case)
            if changed:
                slices = {**case.slices, "probe": name, "level": f"{name}: {level}"}
                made.append(replace(changed, id=f"{case.id}~{name}~{level}", slices=slices))
    return EvalSet(
        material.of.name, tuple(made), material.of.texts, version_of(made), corpus_of(material.of.texts)
    )


def _with_texts(of: EvalSet, more: Mapping[str, Text]) -> EvalSet:
    """With more texts, and without those that no case is given: these are ingested for this probe alone."""
    given = {text_id for case in of.cases for text_id in case.given}
    texts = {text_id: text for text_id, text in {**of.texts, **more}.items() if text_id in given}
    return replace(of, texts=texts, corpus=corpus_of(texts))


def _others(material: Material, case: Case) -> tuple[str, ...]:
    return material.others.get(case.id, ())


def _among(material: Material, case: Case, place: int = BESIDE // 2) -> Case:
    others: list[str] = list(_others(material, case)[:BESIDE])
    others.insert(place, gold_of(case))
    return _over(case, others)


def _over(case: Case, text_ids: Iterable[str]) -> Case:
    return replace(case, given=tuple(text_ids))
