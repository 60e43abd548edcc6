"""How likely it is that a quote answers the question: the support of an answer, 0 to 1.

A logistic regression over a handful of signs. What misleads a reader most is a passage about the very matter
that doesn't say what is asked: so beside likeness it looks at the names and numbers of the question that the
quote doesn't hold, at a "not" that only one of the two has, and at how likely the model finds the question
once it has read the quote. The numbers are in `fitted.json`; `evals/benchmarks/fit_answers.py` fits and
measures them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ragent.prompts import PromptTemplate
from ragent.protocols import Scoring
from ragent.rag.citing import Quote, Sources
from ragent.rag.reading import Reading
from ragent.rag.spans import split_words
from ragent.rag.terms import denies, terms
from ragent.types import Message

LIKELIHOOD = "question likelihood"


class Support:
    """Scores quotes of some sources as answers to one question."""

    def __init__(self, reading: Reading, sources: Sources, numbers: Mapping[str, Any]) -> None:
        """`numbers`: `bias`, and for each sign its `mean` and `weight`."""
        self._reading = reading
        self._sources = sources
        self._numbers = numbers
        # A question begins with a capital, whatever its first word.
        names = [w for w in reading.words[1:] if w.stems and (w.text[0].isupper() or w.text[0].isdigit())]
        self._names = [word.stems for word in names]

    def of(self, quote: Quote, likelihood: float | None = None) -> float:
        """The support that a quote gives. `likelihood`: see `question_likelihood`."""
        signs = self.signs(quote)
        if likelihood is not None:
            signs[LIKELIHOOD] = likelihood
        return probability(signs, self._numbers)

    def signs(self, quote: Quote) -> dict[str, float]:
        """What speaks for and against a quote, by name."""
        held = quote.terms | terms(quote.hit.context)
        missing = [stems for stems in self._names if not stems <= held]
        signs = {
            "likeness": self._likeness(quote),
            "nearest": max(self._sources.likeness),
            "words": self._sources.weights.coverage(self._sources.wanted, held),
            "names missing": len(missing) / max(1, len(self._names)),
            "denial": float(denies(self._reading.question) != denies(quote.text)),
        }
        alignment = self._reading.alignment(quote.text, split_words(quote.text))
        return signs if alignment is None else signs | {"alignment": alignment}

    def _likeness(self, quote: Quote) -> float:
        """That of the sentence, of those that the quote is from, which is most like the question."""
        return max(
            (
                likeness
                for part, likeness in zip(self._sources.sentences, self._sources.likeness, strict=True)
                if part.hit is quote.hit and part.start < quote.end and quote.start < part.end
            ),
            default=0.0,
        )


def probability(signs: Mapping[str, float], numbers: Mapping[str, Any]) -> float:
    """What the regression makes of some signs; one that isn't there counts as if it had its mean."""
    weighed = (
        number["weight"] * (signs[name] - number["mean"])
        for name, number in numbers["signs"].items()
        if name in signs
    )
    return 1 / (1 + math.exp(-(numbers["bias"] + sum(weighed))))


def question_likelihood(
    question: str, quote: str, template: PromptTemplate, model: Scoring
) -> tuple[float, tuple[tuple[Message, ...], ...]]:
    """How much likelier a model finds the question after the quote than by itself, in ln p a token.

    Also gives what it read. Sachan et al. 2022 (arXiv:2204.07496) rank passages by the first of the two.
    """
    prompts = tuple(template.render(passages=passages, question=question) for passages in ([quote], []))
    after, alone = (model.log_likelihoods(prompt, [question])[0] for prompt in prompts)
    return (after - alone) / model.count([question])[0], prompts
