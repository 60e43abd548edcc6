"""Shows a prompt as a model would read it: what was put in, how long it is, and what had to stay out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ragent.errors import ConfigError
from ragent.prompts.fit import fit
from ragent.prompts.template import PromptTemplate
from ragent.types import Message

_PASSAGES = "passages"


@dataclass(frozen=True, slots=True)
class Preview:
    """A rendered prompt.

    Attributes:
        name: Of the template.
        version: Of the template.
        digest: Of the template's text.
        messages: As they are said to the model.
        tokens: Of all of them, by the model's own count.
        budget: Tokens that the prompt may have.
        left_out: For each part that may give way, what there was no room for, in order.
    """

    name: str
    version: int
    digest: str
    messages: tuple[Message, ...]
    tokens: int
    budget: int
    left_out: Mapping[str, tuple[Any, ...]]


def preview(
    template: PromptTemplate,
    values: Mapping[str, Any],
    *,
    count_prompt: Callable[[Sequence[Message]], int],
    budget: int,
) -> Preview:
    """Render a template, fitted into a budget as when a question is asked.

    Args:
        template: what to render.
        values: for each of its variables. A passage that is a text stands for one with that `text`.
        count_prompt: tokens of a prompt, by the model that would read it.
        budget: tokens that the prompt may have.

    Raises:
        ConfigError: a value is missing, isn't used, or is of the wrong kind.
        ContextOverflow: it doesn't fit even after all gave way that may.
    """
    _check(template, values)
    names = [part.name for part in template.gives_way if part.name in values]
    lists = {name: _items(name, values[name]) for name in names}
    fitted = fit(template, {**values, **lists}, count_prompt=count_prompt, budget=budget)
    return Preview(
        template.name,
        template.version,
        template.digest,
        fitted.messages,
        fitted.tokens,
        budget,
        fitted.left_out,
    )


def _check(template: PromptTemplate, values: Mapping[str, Any]) -> None:
    if missing := [name for name in template.needs if name not in values]:
        raise ConfigError(
            f"the prompt {template.name!r} needs a value for {', '.join(missing)}",
            hint=" ".join(f"--var {name}=…" for name in missing),
        )
    if unused := [name for name in values if name not in template.variables]:
        raise ConfigError(
            f"the prompt {template.name!r} doesn't use {', '.join(unused)}",
            hint=f"it uses: {', '.join(template.variables) or 'nothing'}",
        )


def _items(name: str, value: Any) -> list[Any]:
    listed = value if isinstance(value, list) else [value]
    return [{"text": item} if name == _PASSAGES and isinstance(item, str) else item for item in listed]
