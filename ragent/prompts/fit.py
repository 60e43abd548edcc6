"""Fits a prompt into a budget of tokens: its parts give way in the order that its template declares.

Whole items only: nothing is cut in two. A length is always that of the whole prompt, as the model counts it:
the tokens of parts don't add up to it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragent.errors import ContextOverflow
from ragent.prompts.head import Part
from ragent.prompts.template import PromptTemplate
from ragent.types import Message


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt that fits.

    Attributes:
        messages: As they are said to the model.
        tokens: Of all of them.
        kept: For each part that may give way, its items that are in the prompt, in order.
        left_out: For each, those that there was no room for, in order.
    """

    messages: tuple[Message, ...]
    tokens: int
    kept: Mapping[str, tuple[Any, ...]]
    left_out: Mapping[str, tuple[Any, ...]]


def fit(
    template: PromptTemplate,
    values: Mapping[str, Any],
    *,
    count_prompt: Callable[[Sequence[Message]], int],
    budget: int,
) -> Fitted:
    """Render `template` with as much of its parts as fits.

    The part that gives way last keeps as many items as fit beside no more of the others than they must keep;
    the one before it as many as then fit; and so on.

    Args:
        template: declares what gives way.
        values: for each of its variables; a part is a sequence.
        count_prompt: tokens of a prompt, by the model that will read it.
        budget: tokens that the prompt may have: the model's context less the longest answer.

    Raises:
        ContextOverflow: it doesn't fit even with no more of the parts than must be kept.
        ConfigError: a value is missing, or the template fails.
    """
    return _Fitting(template, values, count_prompt, budget).run()


@dataclass(slots=True)
class _Fitting:
    template: PromptTemplate
    values: Mapping[str, Any]
    count_prompt: Callable[[Sequence[Message]], int]
    budget: int
    counts: dict[str, int] = field(default_factory=dict)

    def run(self) -> Fitted:
        parts = self.template.gives_way
        self.counts = {part.name: len(self._items(part)) for part in parts}
        tokens = self._tokens()
        if tokens > self.budget:
            self.counts = {part.name: min(part.keep, len(self._items(part))) for part in parts}
            tokens = self._tokens()
            if tokens > self.budget:
                raise self._overflow(tokens)
            for part in reversed(parts):
                self._grow(part)
            tokens = self._tokens()
        pairs = [(part.name, *self._split(part)) for part in parts]
        return Fitted(
            self._messages(),
            tokens,
            {name: kept for name, kept, _ in pairs},
            {name: left_out for name, _, left_out in pairs},
        )

    def _grow(self, part: Part) -> None:
        """Give a part as many items as fit. Tokens grow with them, so the number is found by bisection."""
        least = self.counts[part.name]
        more = range(least + 1, len(self._items(part)) + 1)
        self.counts[part.name] = least + bisect_right(more, self.budget, key=lambda n: self._tokens(part, n))

    def _tokens(self, part: Part | None = None, count: int = 0) -> int:
        if part:
            self.counts[part.name] = count
        return self.count_prompt(self._messages())

    def _messages(self) -> tuple[Message, ...]:
        parts = {part.name: self._split(part)[0] for part in self.template.gives_way}
        return self.template.render(**{**self.values, **parts})

    def _split(self, part: Part) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        items, count = self._items(part), self.counts[part.name]
        if part.from_first:
            return items[len(items) - count :], items[: len(items) - count]
        return items[:count], items[count:]

    def _items(self, part: Part) -> tuple[Any, ...]:
        return tuple(self.values.get(part.name, ()))

    def _overflow(self, tokens: int) -> ContextOverflow:
        kept = [f"{count} of the {name}" for name, count in self.counts.items() if count]
        beside = f" with {' and '.join(kept)}" if kept else ""
        return ContextOverflow(
            f"the prompt {self.template.name!r} has room for {self.budget} tokens, but{beside} takes {tokens}"
            " even after all else gave way",
            hint="ask a shorter question, or set a larger [llm] n_ctx or a smaller [llm] max_tokens",
        )
