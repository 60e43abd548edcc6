"""Puts an answer into a form. Small models answer badly inside JSON, so they write freely first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ragent.prompts import Example, Fitted, PromptTemplate, fit
from ragent.protocols import LLM
from ragent.rag.condensing import added
from ragent.structured import constrain, generate, target_of
from ragent.types import Answer, Dropped, Sampling

_FULL = "there was no room for it beside the form"


@dataclass(frozen=True, slots=True)
class Filling:
    """A form that answers are put into."""

    llm: LLM
    template: PromptTemplate
    sampling: Sampling
    wanted: Any
    examples: Callable[[str], Sequence[Example]] = lambda question: ()

    def check(self) -> None:
        """Raises SchemaError if the form can't be enforced."""
        constrain(target_of(self.wanted))

    def fill(self, answer: Answer) -> Answer:
        """The answer with its value; its citations stay as they are.

        Raises:
            MalformedOutput: the model gave no value of that form.
            ContextOverflow: the form and the answer alone are longer than a prompt may be.
        """
        if answer.abstained:
            return answer
        fitted = self._fitted(answer)
        made = generate(self.llm, fitted.messages, self.wanted, sampling=self.sampling)
        left_out = tuple(Dropped("passage", text, _FULL) for text in fitted.left_out.get("passages", ()))
        return replace(
            answer,
            value=made.value,
            usage=added(answer.usage, made.usage),
            dropped=answer.dropped + left_out,
            prompts=(*answer.prompts, self.template.used),
        )

    def _fitted(self, answer: Answer) -> Fitted:
        """With the passages that are cited, or, where those don't fit, with as many of the quotes as do."""
        cited = {citation.chunk_id for citation in answer.citations}
        fitted = self._with([hit.text for hit in answer.hits if hit.chunk_id in cited], answer)
        if fitted.left_out.get("passages"):
            return self._with([citation.quote for citation in answer.citations], answer)
        return fitted

    def _with(self, passages: Sequence[str], answer: Answer) -> Fitted:
        values = {
            "schema": target_of(self.wanted).form.text,
            "passages": passages,
            "question": answer.question,
            "draft": answer.text,
            "examples": self.examples(answer.question) if "examples" in self.template.variables else (),
        }
        budget = self.llm.context_tokens - (self.sampling.max_tokens or 0)
        return fit(self.template, values, count_prompt=self.llm.count_prompt, budget=budget)
