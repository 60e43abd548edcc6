"""Questions for an answer: by rule, by the model under a grammar, and the model's say about all of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

from ragent.errors import LLMError, SchemaError
from ragent.prompts import PromptTemplate
from ragent.protocols import LLM, Scoring
from ragent.rag.terms import terms
from ragent.structured import FormConstraint, constrain, target_of
from ragent.types import Form, Message, Sampling
from ragent_evals.synthesis.framing import frames, openings, verb_forms
from ragent_evals.synthesis.referring import Definites
from ragent_evals.synthesis.targets import Target
from ragent_evals.synthesis.wording import flaw_of

_TOKENS = 40
_MOST_PIECES = 4
_LEAST_LIKELIHOOD = -2.5
_FULLNESS = 1.0
_PIECE = re.compile(r"\w+|\W")
_FUNCTION = (
    *("the", "a", "of", "for", "to", "in", "at", "on", "by", "with", "from", "long", "much", "many"),
)


Source = Literal["rule", "model"]


@runtime_checkable
class WritingModel(LLM, Scoring, Protocol):
    """What can both write a question and say how likely it finds one."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question for a target.

    Attributes:
        target: what is to answer it.
        question: the question.
        source: "rule" if a statement was turned round, "model" if the model wrote it.
        likelihood: mean ln p of its tokens, after the sentence and the answer.
    """

    target: Target
    question: str
    source: Source
    likelihood: float


@dataclass(frozen=True, slots=True)
class Writer:
    """Proposes questions.

    Attributes:
        llm: the model.
        template: its prompt (`synth-question`).
        definites: what "the" may stand before without more words.
        tries: questions that it writes for each answer itself; beyond the first one by chance.
        seed: of that chance.
    """

    llm: WritingModel
    template: PromptTemplate
    definites: Definites
    tries: int = 1
    seed: int = 0

    @classmethod
    def of(cls, llm: LLM, template: PromptTemplate, definites: Definites, tries: int, seed: int) -> Writer:
        """A writer by a model. Raises LLMError for one that can't say how likely it finds a text."""
        if not isinstance(llm, WritingModel):
            raise LLMError(
                f"{llm.name} can't score questions", hint="use a model that runs here: [llm] model"
            )
        return cls(llm, template, definites, tries, seed)

    def propose(self, target: Target) -> tuple[list[Proposal], dict[str, int]]:
        """Questions that are formed well, the best first; and how many others had which flaw (`FLAWS`).

        Raises:
            ContextOverflow: the model can't read the sentence.
            LLMError: the model fails.
        """
        sources: dict[str, Source] = dict.fromkeys(self._write(target), "model")
        sources |= dict.fromkeys(frames(target), "rule")
        flaws = {question: self._flaw(question, target) for question in sources}
        questions = [question for question in sources if not flaws[question]]
        dropped = dict(Counter(filter(None, flaws.values())))
        if not questions:
            return [], dropped
        likelihoods = self.likelihoods(target.sentence.text, target.text, questions)
        found = [
            Proposal(target, question, sources[question], likelihood)
            for question, likelihood in zip(questions, likelihoods, strict=True)
        ]
        likely = (one for one in found if one.likelihood >= _LEAST_LIKELIHOOD)
        return sorted(likely, key=_worth, reverse=True), dropped

    def likelihoods(self, statement: str, answer: str, questions: Sequence[str]) -> list[float]:
        """The mean ln p of each question's tokens, after a statement and the answer to be asked for."""
        totals = self.llm.log_likelihoods(self.template.render(sentence=statement, answer=answer), questions)
        counts = self.llm.count(questions)
        return [total / count for total, count in zip(totals, counts, strict=True)]

    def likeliest(self, ask: str, words: Sequence[str], opening: str) -> str:
        """The likeliest of some words as an answer that begins so."""
        likelihoods = self.llm.log_likelihoods([Message("user", ask)], words, opening)
        return max(zip(likelihoods, words, strict=True))[1]

    def is_clear(self, question: str) -> bool:
        """Whether no definite noun of it needs the text around the sentence."""
        return self.definites.is_clear(question)

    def _flaw(self, question: str, target: Target) -> str:
        return flaw_of(question, target) or ("" if self.is_clear(question) else "unclear")

    def _write(self, target: Target) -> Iterator[str]:
        try:
            constraint = question_form(target)
        except SchemaError:  # an odd sentence, too much for the grammar's engine
            return
        messages = self.template.render(sentence=target.sentence.text, answer=target.text)
        first = Sampling(max_tokens=_TOKENS, repeat_penalty=1.0, seed=self.seed)
        for number in range(self.tries):
            sampling = replace(first, temperature=0.6, seed=self.seed + number) if number else first
            yield "".join(delta.text for delta in self.llm.stream(messages, sampling, constraint))


def _worth(proposal: Proposal) -> float:
    """Its likelihood, and its share of what the sentence says: a condition that is left out misleads."""
    said = terms(proposal.target.sentence.text)
    return proposal.likelihood + _FULLNESS * len(said & terms(proposal.question)) / max(1, len(said))


def question_form(target: Target) -> FormConstraint:
    """Allows questions that begin as one after such an answer does, and hold only words of the sentence.

    Words follow one another as in the sentence (llguidance's `substring_chunks`), but for function words and
    base forms of its words between; the answer's words are not among them.

    Raises:
        SchemaError: the sentence is too much for the engine.
    """
    text = target.sentence.text
    parts = [part.strip(" ,.;:") for part in (text[: target.start], text[target.end :])]
    parts = [_small(part) for part in parts if " " in part]
    verbs = verb_forms(text)
    rules = [
        # One terminal: the engine doesn't go back from one to the next.
        "start: QUESTION",
        f'QUESTION: OPENING (" " PIECE){{2,{_MOST_PIECES}}} "?"',
        f"PIECE: FUNCTION{' | PART' if parts else ''}",
        f"OPENING: {_any(openings(target))}",
        f"FUNCTION: {_any(dict.fromkeys((*_FUNCTION, *verbs)))}",
    ]
    if parts:
        names = " | ".join(f"PART{number}" for number in range(len(parts)))
        rules.append(f"PART: ({names}) & /[A-Za-z]((?s:.)*[^ ,])?/")
        rules += [
            f'PART{number}: %regex {{"substring_chunks": {json.dumps(_PIECE.findall(part))}}}'
            for number, part in enumerate(parts)
        ]
    return constrain(target_of(Form("grammar", "\n".join(rules))))


def _any(words: Iterable[str]) -> str:
    return " | ".join(json.dumps(word) for word in words)


def _small(part: str) -> str:
    first = part.split(" ", 1)[0]
    return part[0].lower() + part[1:] if first.lower() in {"the", "a", "an", *_FUNCTION, "each"} else part
