"""Chooses how many passages a prompt has room for. Whole ones only: nothing is cut."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ragent.errors import ContextOverflow
from ragent.prompts.template import PromptTemplate
from ragent.types import Message

Passage = TypeVar("Passage")


@dataclass(frozen=True, slots=True)
class Fitted(Generic[Passage]):
    """The prompt with the passages it has room for, and those that had to stay out, each in rank order."""

    messages: tuple[Message, ...]
    kept: tuple[Passage, ...]
    left_out: tuple[Passage, ...]


def fit_passages(
    template: PromptTemplate,
    passages: Sequence[Passage],
    question: str,
    *,
    count_prompt: Callable[[Sequence[Message]], int],
    budget: int,
    values: Mapping[str, Any] | None = None,
) -> Fitted[Passage]:
    """Render `template` with as many of the first passages as fit.

    Args:
        template: is given `passages` and `question`.
        passages: best first; the template says what it uses of each.
        question: what is asked.
        count_prompt: tokens of a prompt, by the model that will read it.
        budget: tokens that the prompt may have: the model's context less the longest answer.
        values: what else the template uses.

    Raises:
        ContextOverflow: not even the question alone fits.
    """

    def render(count: int) -> tuple[Message, ...]:
        return template.render(**values or {}, passages=passages[:count], question=question)

    # Tokens grow with the number of passages, so the largest number that fits is found by bisection.
    counts = range(len(passages) + 1)
    fitting = bisect_right(counts, budget, key=lambda count: count_prompt(render(count))) - 1
    if fitting < 0:
        raise ContextOverflow(
            f"the question alone is longer than the {budget} tokens that a prompt may have",
            hint="ask a shorter question, or set a larger [llm] n_ctx or a smaller [llm] max_tokens",
        )
    return Fitted(render(fitting), tuple(passages[:fitting]), tuple(passages[fitting:]))
