"""Puts an answer into a form. Small models answer badly inside JSON, so they write freely first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ragent.errors import ContextOverflow
from ragent.prompts import PromptTemplate
from ragent.protocols import LLM
from ragent.structured import constrain, generate, target_of
from ragent.types import Answer, Message, Sampling, Usage


@dataclass(frozen=True, slots=True)
class Filling:
    """A form that answers are put into."""

    llm: LLM
    template: PromptTemplate
    sampling: Sampling
    wanted: Any

    def check(self) -> None:
        """Raises SchemaError if the form can't be enforced."""
        constrain(target_of(self.wanted))

    def fill(self, answer: Answer) -> Answer:
        """The answer with its value; its citations stay as they are.

        Raises:
            MalformedOutput: the model gave no value of that form.
            ContextOverflow: the form and the answer alone are longer than the model's context.
        """
        if answer.abstained:
            return answer
        made = generate(self.llm, self._messages(answer), self.wanted, sampling=self.sampling)
        before, spent = answer.usage, made.usage
        usage = Usage(
            before.prompt_tokens + spent.prompt_tokens,
            before.completion_tokens + spent.completion_tokens,
            before.reused_tokens + spent.reused_tokens,
        )
        return replace(answer, value=made.value, usage=usage)

    def _messages(self, answer: Answer) -> tuple[Message, ...]:
        """With the passages that are cited, or with the quotes alone where those don't fit."""
        cited = {citation.chunk_id for citation in answer.citations}
        choices: tuple[list[str], ...] = (
            [hit.text for hit in answer.hits if hit.chunk_id in cited],
            [citation.quote for citation in answer.citations],
            [],
        )
        budget = self.llm.context_tokens - (self.sampling.max_tokens or 0)
        for passages in choices:
            messages = self.template.render(
                schema=target_of(self.wanted).form.text,
                passages=passages,
                question=answer.question,
                draft=answer.text,
            )
            if self.llm.count_prompt(messages) <= budget:
                return messages
        raise ContextOverflow(
            f"the form and the answer alone are longer than the {budget} tokens that a prompt may have",
            hint="give a shorter schema, or set a larger [llm] n_ctx or a smaller [llm] max_tokens",
        )
