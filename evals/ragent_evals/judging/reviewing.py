"""Judges many answers, and says how far the judge can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragent.errors import EvalError, LLMError
from ragent_evals.estimates import Estimate, estimates
from ragent_evals.judging.agreement import Agreement, agreement
from ragent_evals.judging.answered import Answered
from ragent_evals.judging.criteria import Criterion
from ragent_evals.judging.fitting import LEAST_LABELS, Platt, fit_platt, halves
from ragent_evals.judging.judge import Judge, Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict on an answer; None with the reason in `error`. `label` is a person's verdict, or None."""

    id: str
    verdict: Verdict | None
    label: str | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """What a score means, fitted to half of the labels, and tested on the other half.

    Attributes:
        platt: score to probability.
        threshold: the score from which the answer counts as good; None: scores tell nothing.
        labels: how many it was fitted to.
        before: the judge's own verdicts on the other half, against the labels.
        after: the verdicts of the fit, likewise.
    """

    platt: Platt
    threshold: float | None
    labels: int
    before: Agreement
    after: Agreement


@dataclass(frozen=True, slots=True)
class Review:
    """What came of judging.

    Attributes:
        score: the mean score with its interval, over what could be judged.
        verdicts: how many of each.
        failed: how many answers couldn't be judged.
        prior: what the judge says of empty texts; what it leans to.
        agreement: with people's labels; None without any.
        fit: None with fewer than 30 labels, or for grades.
    """

    score: Estimate
    verdicts: Mapping[str, int]
    failed: int
    prior: Mapping[str, float]
    agreement: Agreement | None
    fit: Fit | None

    @property
    def is_calibrated(self) -> bool:
        """Whether the judge, as fitted where it was, agrees with people beyond chance on cases unseen."""
        shown = self.fit.after if self.fit else self.agreement
        return shown is not None and shown.is_calibrated

    @property
    def trust(self) -> str:
        """In a sentence, what these figures are worth."""
        if self.agreement is None:
            return "no labels: nobody knows whether this judge agrees with people"
        shown = self.fit.after if self.fit else self.agreement
        kappa = f"kappa {shown.kappa.value:.2f} ({shown.kappa.low:.2f} to {shown.kappa.high:.2f})"
        if self.is_calibrated:
            return f"the judge agrees with people beyond chance: {kappa} on {shown.cases} labels"
        return (
            f"this judge is not calibrated: {kappa} on {shown.cases} labels holds zero, so it may agree with"
            " people by chance alone; don't decide anything by its verdicts"
        )


def judge_answers(judge: Judge, criterion: Criterion, answers: Sequence[Answered]) -> Iterator[Judged]:
    """Judge each answer; one that can't be judged doesn't stop the others.

    Raises:
        EvalError: a label is none of the criterion's verdicts.
    """
    for one in answers:
        label = _label(criterion, one)
        if criterion.needs and not getattr(one, criterion.needs):
            yield Judged(one.id, None, label, f"it has no {criterion.needs}")
            continue
        try:
            verdict = judge.judge(
                question=one.question,
                answer=one.answer,
                reference=one.reference,
                passages=[{"text": text} for text in one.passages],
            )
        except LLMError as error:
            yield Judged(one.id, None, label, error.message)
        else:
            yield Judged(one.id, verdict, label)


def review(judge: Judge, criterion: Criterion, judged: Sequence[Judged]) -> Review:
    """Sum up verdicts, and compare them with the labels that there are.

    Raises:
        EvalError: not one answer could be judged.
    """
    verdicts = [one.verdict for one in judged if one.verdict]
    if not verdicts:
        reason = judged[0].error if judged else "there is no answer"
        raise EvalError(f"nothing could be judged by {criterion.name!r}: {reason}")
    scores = np.array([[verdict.score] for verdict in verdicts])
    order = sorted(criterion.verdicts, key=lambda text: criterion.verdicts[text])
    labelled = [one for one in judged if one.verdict and one.label is not None]
    return Review(
        estimates(["score"], scores)["score"],
        {text: sum(verdict.verdict == text for verdict in verdicts) for text in order},
        len(judged) - len(verdicts),
        judge.prior,
        _agreement(labelled, order) if labelled else None,
        _fit(labelled, order) if len(labelled) >= LEAST_LABELS and not criterion.is_graded else None,
    )


def judge_all(
    judge: Judge, criterion: Criterion, answers: Sequence[Answered], tell: Callable[[int], None]
) -> tuple[list[Judged], Review]:
    """Judge answers and sum up; `tell` is told how many are done. Raises as `review` does."""
    judged: list[Judged] = []
    for one in judge_answers(judge, criterion, answers):
        judged.append(one)
        tell(len(judged))
    return judged, review(judge, criterion, judged)


def _label(criterion: Criterion, one: Answered) -> str | None:
    try:
        return None if one.label is None else criterion.verdict_of(one.label)
    except ValueError as error:
        raise EvalError(f"the label of {one.id!r}: {error}") from error


def _agreement(labelled: Sequence[Judged], order: Sequence[str]) -> Agreement:
    said = [one.verdict.verdict for one in labelled if one.verdict]
    return agreement(_labels(labelled), said, order, quadratic=len(order) > 2)


def _fit(labelled: Sequence[Judged], order: Sequence[str]) -> Fit:
    no, yes = order
    fitted, tested = ([labelled[place] for place in half] for half in halves([one.id for one in labelled]))
    platt = fit_platt(_scores(fitted), [label == yes for label in _labels(fitted)])
    said = [yes if platt.probability(score) > 0.5 else no for score in _scores(tested)]
    after = agreement(_labels(tested), said, order)
    return Fit(platt, platt.threshold, len(fitted), _agreement(tested, order), after)


def _scores(judged: Sequence[Judged]) -> list[float]:
    return [one.verdict.score for one in judged if one.verdict]


def _labels(judged: Sequence[Judged]) -> list[str]:
    return [one.label for one in judged if one.label is not None]
