"""Shows a prompt as a model would read it: what was put in, how long it is, and what had to stay out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ragent.errors import ConfigError
from ragent.prompts.fit import fit_passages
from ragent.prompts.template import PromptTemplate
from ragent.types import Message

_PASSAGES, _QUESTION = "passages", "question"


@dataclass(frozen=True, slots=True)
class Preview:
    """A rendered prompt.

    Attributes:
        name: Of the template.
        version: Of the template.
        messages: As they are said to the model.
        tokens: Of all of them, by the model's own count.
        budget: Tokens that the prompt may have.
        left_out: Passages that there was no room for, in order.
    """

    name: str
    version: str
    messages: tuple[Message, ...]
    tokens: int
    budget: int
    left_out: tuple[Any, ...]


def preview(
    template: PromptTemplate,
    values: Mapping[str, Any],
    *,
    count_prompt: Callable[[Sequence[Message]], int],
    budget: int,
) -> Preview:
    """Render a template. Where it takes passages, the first that fit are put in, as when a question is asked.

    Args:
        template: what to render.
        values: for each of its variables. A passage that is a text stands for one with that `text`.
        count_prompt: tokens of a prompt, by the model that would read it.
        budget: tokens that the prompt may have.

    Raises:
        ConfigError: a value is missing, isn't used, or is of the wrong kind.
        ContextOverflow: not even the question alone fits.
    """
    _check(template, values)
    if _PASSAGES not in values or _QUESTION not in values:
        messages, left_out = template.render(**values), ()
    else:
        rest = {name: value for name, value in values.items() if name not in (_PASSAGES, _QUESTION)}
        passages = _passages(values[_PASSAGES])
        fitted = fit_passages(
            template,
            passages,
            values[_QUESTION],
            count_prompt=count_prompt,
            budget=budget,
            values=rest,
        )
        messages, left_out = fitted.messages, fitted.left_out
    return Preview(template.name, template.version, messages, count_prompt(messages), budget, left_out)


def _check(template: PromptTemplate, values: Mapping[str, Any]) -> None:
    missing = [name for name in template.variables if name not in values]
    if missing:
        raise ConfigError(
            f"the prompt {template.name!r} needs a value for {', '.join(missing)}",
            hint=" ".join(f"--var {name}=…" for name in missing),
        )
    if unused := [name for name in values if name not in template.variables]:
        raise ConfigError(
            f"the prompt {template.name!r} doesn't use {', '.join(unused)}",
            hint=f"it uses: {', '.join(template.variables) or 'nothing'}",
        )


def _passages(value: Any) -> list[Any]:
    listed = value if isinstance(value, list) else [value]
    return [{"text": passage} if isinstance(passage, str) else passage for passage in listed]
