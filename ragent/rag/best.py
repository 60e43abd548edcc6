"""The best of several values: each has the form that was asked for, and the model finds one likeliest."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ragent.errors import LLMError, MalformedOutput
from ragent.llm.choosing import mean_log_likelihoods, seeds
from ragent.protocols import LLM, Scoring
from ragent.structured import Structured, generate
from ragent.types import Message, Sampling


def best_value(
    llm: LLM, prompt: str | Sequence[Message], wanted: Any, sampling: Sampling, n: int
) -> Structured:
    """Have `n` values written, and give the one with the highest mean ln p a token, as an answer to `prompt`.

    Raises:
        LLMError: the model failed, or is none that runs here.
        SchemaError: the form can't be enforced.
        MalformedOutput: none of the values has the form.
    """
    if not isinstance(llm, Scoring):
        raise LLMError(f"{llm.name} can't score values", hint="use a model that runs here for the best of n")

    def write(one: Sampling) -> Structured | MalformedOutput:
        try:
            return generate(llm, prompt, wanted, sampling=one)
        except MalformedOutput as error:
            return error

    first, *others = seeds(sampling, n)
    # The others begin with what is kept of the first one's prompt.
    written = [write(first)]
    if others:
        with ThreadPoolExecutor(len(others), "best-of") as threads:
            written += threads.map(write, others)
    values = [one for one in written if isinstance(one, Structured)]
    if not values:
        raise next(one for one in written if isinstance(one, MalformedOutput))
    messages = [Message("user", prompt)] if isinstance(prompt, str) else prompt
    scores = mean_log_likelihoods(llm, messages, [one.text for one in values])
    return values[scores.index(max(scores))]
