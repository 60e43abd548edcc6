"""A judge whose verdict is one of a few words by construction, and whose score is how likely it finds each.

Where a model tells how likely it finds a text, each allowed verdict is scored as a continuation of the
prompt: that is decoding under the grammar "one of these", with all its outcomes at once. A server may tell
how likely an answer begins with this token or that, which is nearly as good. One that tells neither has the
model write a verdict under that grammar, of which it is then taken to be sure.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

from ragent.errors import MalformedOutput
from ragent.prompts import PromptTemplate, fit
from ragent.protocols import LLM, Foretelling, Scoring
from ragent.structured import generate
from ragent.types import Form, Message, Sampling

By = Literal["probabilities", "first token", "choice"]

_CONTENT_FREE = ("N/A", "[MASK]", "")
_LONGEST_VERDICT = 16
_LEAST_PRIOR = 1e-6


class Memory(Protocol):
    """Where a judge looks before it reads, and keeps what it found."""

    def find(self, key: str) -> Any: ...

    def keep(self, key: str, value: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says.

    Attributes:
        verdict: the likeliest one.
        score: the expected value of the verdicts.
        probabilities: of each verdict, calibrated.
        raw: the same as the model has them.
        by: "probabilities" if the model told them of the whole verdicts, "first token" if of how they begin;
            "choice" if it could only choose one, of which it is then taken to be sure, and nothing is
            calibrated.
        left_out: passages that the prompt had no room for.
    """

    verdict: str
    score: float
    probabilities: Mapping[str, float]
    raw: Mapping[str, float]
    by: By
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class _Reading:
    by: By
    probabilities: Mapping[str, float]


class Judge:
    """Judges by one prompt.

    A model leans to some verdicts whatever it reads. What it says of texts without content ("N/A", "[MASK]",
    nothing) tells how much, and is divided out (contextual calibration, Zhao et al. 2021, arXiv:2102.09690).
    """

    def __init__(
        self,
        llm: LLM,
        template: PromptTemplate,
        verdicts: Mapping[str, float],
        *,
        fixed: Mapping[str, str] | None = None,
        memory: Memory | None = None,
        identity: str = "",
    ) -> None:
        """Nothing is read yet.

        Args:
            llm: who judges.
            template: what it is asked.
            verdicts: what it may say, with what each is worth.
            fixed: values that are part of the question rather than of what is judged.
            memory: where verdicts are kept.
            identity: tells this model, as it is set up, from others; its name if that is "".

        Raises:
            ValueError: there are fewer than two verdicts, or one begins another.
        """
        texts = list(verdicts)
        if len(texts) < 2 or any(a != b and a.startswith(b) for a in texts for b in texts):
            raise ValueError("a judge needs two or more verdicts, none of which begins another")
        self._llm = llm
        self._scoring = llm if isinstance(llm, Scoring) else None
        self._template = template
        self._fixed = fixed or {}
        self._memory = memory
        self.verdicts = dict(verdicts)
        self.name = identity or llm.name

    @property
    def template(self) -> PromptTemplate:
        """What the judge is asked."""
        return self._template

    @cached_property
    def prior(self) -> dict[str, float]:
        """How likely each verdict is where nothing is there to judge; even if no probabilities are told."""
        empty = [self._read(self._messages(self._empty(text))[0]) for text in _CONTENT_FREE]
        if any(one.by == "choice" for one in empty):
            return dict.fromkeys(self.verdicts, 1 / len(self.verdicts))
        return {text: sum(one.probabilities[text] for one in empty) / len(empty) for text in self.verdicts}

    def judge(self, **values: Any) -> Verdict:
        """The verdict on values of the template; passages are mappings with a `text`.

        Raises:
            ConfigError: a value is missing.
            ContextOverflow: it doesn't fit even with as few passages as may be.
            MalformedOutput: a server took no notice of the grammar.
            LLMError: the model failed.
        """
        messages, left_out = self._messages(values)
        read = self._read(messages)
        raw, lean = read.probabilities, dict[str, float]() if read.by == "choice" else self.prior
        weights = {text: raw[text] / max(lean.get(text, 1.0), _LEAST_PRIOR) for text in self.verdicts}
        total = sum(weights.values())
        found = {text: weight / total for text, weight in weights.items()}
        score = sum(self.verdicts[text] * share for text, share in found.items())
        likeliest = max(self.verdicts, key=lambda text: found[text])
        return Verdict(likeliest, score, found, raw, read.by, left_out)

    def _empty(self, text: str) -> dict[str, Any]:
        names = [name for name in self._template.variables if name not in self._fixed]
        return {name: [{"text": text}] if name == "passages" else text for name in names}

    def _messages(self, values: Mapping[str, Any]) -> tuple[tuple[Message, ...], int]:
        if self._scoring:
            room = self._scoring.scoring_tokens - max(self._scoring.count(list(self.verdicts)))
        else:
            room = self._llm.context_tokens - _LONGEST_VERDICT
        used = {name: value for name, value in values.items() if name in self._template.variables}
        fitted = fit(
            self._template,
            {**used, **self._fixed},
            count_prompt=(self._scoring or self._llm).count_prompt,
            budget=room,
        )
        return fitted.messages, sum(map(len, fitted.left_out.values()))

    def _read(self, messages: Sequence[Message]) -> _Reading:
        key = self._key(messages)
        kept = self._memory.find(key) if self._memory else None
        if kept is not None:
            return _Reading(kept["by"], kept["probabilities"])
        found = self._scored(messages) or self._begun(messages) or self._chosen(messages)
        if self._memory:
            self._memory.keep(key, {"by": found.by, "probabilities": found.probabilities})
        return found

    def _scored(self, messages: Sequence[Message]) -> _Reading | None:
        if self._scoring is None:
            return None
        scores = self._scoring.log_likelihoods(messages, list(self.verdicts))
        best = max(scores)
        weights = [math.exp(score - best) for score in scores]
        shares = [weight / sum(weights) for weight in weights]
        return _Reading("probabilities", dict(zip(self.verdicts, shares, strict=True)))

    def _begun(self, messages: Sequence[Message]) -> _Reading | None:
        told = self._llm.first_tokens(messages) if isinstance(self._llm, Foretelling) else None
        weights = dict.fromkeys(self.verdicts, 0.0)
        for token, likelihood in (told or {}).items():
            begun = [text for text in self.verdicts if token.strip() and text.startswith(token.strip())]
            if len(begun) == 1:
                weights[begun[0]] += math.exp(likelihood)
        if not any(weights.values()):
            return None
        # What isn't told is at most as likely as the least likely that is.
        least = math.exp(min((told or {}).values()))
        filled = {text: weight or least for text, weight in weights.items()}
        return _Reading("first token", {text: one / sum(filled.values()) for text, one in filled.items()})

    def _chosen(self, messages: Sequence[Message]) -> _Reading:
        form = Form("regex", "|".join(map(re.escape, self.verdicts)))
        chosen = generate(self._llm, messages, form, sampling=Sampling(max_tokens=_LONGEST_VERDICT)).text
        if chosen not in self.verdicts:
            raise MalformedOutput("the server let the model write what is no verdict", text=chosen)
        return _Reading("choice", {text: float(text == chosen) for text in self.verdicts})

    def _key(self, messages: Sequence[Message]) -> str:
        read = [[message.role, message.content] for message in messages]
        parts = [self.name, self._template.digest, list(self.verdicts), read]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
