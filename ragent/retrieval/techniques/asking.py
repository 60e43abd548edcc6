"""Has a language model write what to search for. Whatever it writes, only usable lines are taken."""

from __future__ import annotations

import re

from ragent.errors import ContextOverflow
from ragent.prompts import load_prompt
from ragent.retrieval.context import SearchContext
from ragent.types import Sampling

_TOKENS_A_LINE = 40
_LONGEST_LINE = 300
_BULLET = re.compile(r"^(?:[-*•–]|\(?\d{1,2}[.):]|[A-Za-z]\)|Q\d*[.:]|Question(?: \d+)?:|Query(?: \d+)?:)\s*")


def ask_text(context: SearchContext, prompt: str, question: str, max_tokens: int, count: int = 1) -> str:
    """What the model writes; "" when the question is longer than its context.

    Raises:
        LLMError: there is no model, or it failed.
    """
    template = load_prompt(prompt, context.store.home / "prompts")
    messages = template.render(question=question, count=count)
    sampling = Sampling(max_tokens=max_tokens)
    try:
        return "".join(delta.text for delta in context.open_llm().stream(messages, sampling)).strip()
    except ContextOverflow:
        return ""


def ask_lines(context: SearchContext, prompt: str, question: str, count: int) -> list[str]:
    """At most `count` queries, one a line of what the model writes: none empty, none twice, not the question.

    Raises:
        LLMError: there is no model, or it failed.
    """
    written = ask_text(context, prompt, question, _TOKENS_A_LINE * count, count)
    found: dict[str, str] = {}
    for line in written.splitlines():
        text = _cleaned(line)
        is_usable = len(text) <= _LONGEST_LINE and any(sign.isalpha() for sign in text)
        # A line that leads up to the queries ends in a colon.
        if is_usable and not text.endswith(":") and text.casefold() != question.strip().casefold():
            found.setdefault(text.casefold(), text)
    return list(found.values())[:count]


def _cleaned(line: str) -> str:
    text = " ".join("".join(sign for sign in line if sign.isprintable()).split())
    return _BULLET.sub("", text).strip("\"'“”*` ")
