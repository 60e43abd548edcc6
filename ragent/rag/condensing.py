"""Makes a question of a conversation one that can be understood alone, since a search knows no conversation.

The model rewrites it. What a small model writes then is often no question, an answer, or another question:
so it is taken only where its words are those of the conversation, and hold those of the question. Else the
question is searched for with the words of the one before it. A question that refers to nothing said before,
as far as its words tell, is left alone: another topic would only mislead the search.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ragent.errors import ContextOverflow
from ragent.prompts import PromptTemplate, fit
from ragent.protocols import LLM
from ragent.rag.terms import numbers, terms
from ragent.types import Answer, Dropped, Message, PromptUsed, Sampling, Usage

_TOKENS = 64
_LONGEST = 300
_FAMILIAR = 0.7
_KEPT = 0.5
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_FULL = "the prompt was full"
_ENOUGH_TERMS = 3
_REFERRING = re.compile(
    r"^\W*(and|but|or|so|also|then|else|what about|how about|why not|what else)\b"
    r"|\b(it|its|itself|he|him|his|she|her|hers|they|them|their|theirs|this|that|these|those|one|ones|there|then"
    r"|same|such|former|latter|other|others|another|above|previous|earlier|again|instead|too)\b",
    re.IGNORECASE,
)
_ENGLISH = re.compile(
    r"^\W*(who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|can|could|may|must|should|will"
    r"|would|has|have|had|in|at|on|by|for|from|to|under|of|with|after|before)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Condensed:
    """A question of a conversation, in words that need no conversation.

    Attributes:
        asked: As it was asked.
        question: As it can be understood alone.
        usage: Of the model, if it was asked.
        prompts: The template, if it was rendered.
        dropped: Turns of the conversation that the prompt had no room for.
        seconds: That it took.
    """

    asked: str
    question: str
    usage: Usage = field(default_factory=Usage)
    prompts: tuple[PromptUsed, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    seconds: float = 0.0

    def noted(self, answer: Answer) -> Answer:
        """The answer to `question` as the one to what was asked, with what it took to understand it."""
        timings, first = answer.timings, answer.timings.first_token_s
        return replace(
            answer,
            question=self.asked,
            understood=self.question,
            dropped=self.dropped + answer.dropped,
            usage=added(self.usage, answer.usage),
            prompts=self.prompts + answer.prompts,
            timings=replace(
                timings,
                first_token_s=None if first is None else first + self.seconds,
                total_s=timings.total_s + self.seconds,
            ),
        )


def condense(
    question: str, history: Sequence[Message], llm: LLM | None, template: PromptTemplate
) -> Condensed:
    """Put into a question what it refers to.

    Args:
        question: what is asked last.
        history: the conversation before it, in order.
        llm: rewrites the question; without one, words of the question before it are added.
        template: is given `history` and `question`.

    Raises:
        LLMError: the model failed.
    """
    began = time.perf_counter()
    if stands_alone(question):
        return Condensed(question, question)
    plain = Condensed(question, _with_words_before(question, history))
    if llm is None or not question.strip():
        return plain
    sampling = Sampling(max_tokens=_TOKENS)
    try:
        fitted = fit(
            template,
            {"history": history, "question": question},
            count_prompt=llm.count_prompt,
            budget=llm.context_tokens - _TOKENS,
        )
    except ContextOverflow:
        return plain
    written, usage = "", Usage()
    for delta in llm.stream(fitted.messages, sampling):
        written += delta.text
        usage = delta.usage or usage
    text = next((line.strip(" \t\"'*`") for line in written.splitlines() if line.strip()), "")
    return Condensed(
        question,
        text if _is_usable(text, question, history) else plain.question,
        usage,
        (template.used,),
        tuple(Dropped("turn", turn.content, _FULL) for turn in fitted.left_out.get("history", ())),
        time.perf_counter() - began,
    )


def stands_alone(question: str) -> bool:
    """Whether an English question has words enough of its own, and none that refer to what was said."""
    enough = len(terms(question)) >= _ENOUGH_TERMS
    return enough and bool(_ENGLISH.search(question)) and not _REFERRING.search(question)


def added(first: Usage, second: Usage) -> Usage:
    """Both together."""
    return Usage(
        first.prompt_tokens + second.prompt_tokens,
        first.completion_tokens + second.completion_tokens,
        first.reused_tokens + second.reused_tokens,
        first.drafted_tokens + second.drafted_tokens,
        first.accepted_tokens + second.accepted_tokens,
    )


def _is_usable(text: str, question: str, history: Sequence[Message]) -> bool:
    found, wanted = terms(text), terms(question)
    known = wanted.union(*(terms(turn.content) for turn in history))
    earlier = {turn.content.strip().casefold() for turn in history}
    return (
        bool(found)
        and len(text) <= _LONGEST
        and not text.endswith(":")
        and text.casefold() not in earlier
        and numbers(found) <= known
        and len(found & known) >= _FAMILIAR * len(found)
        and len(found & wanted) >= _KEPT * len(wanted)
    )


def _with_words_before(question: str, history: Sequence[Message]) -> str:
    before = next((turn.content for turn in reversed(history) if turn.role == "user"), "")
    had = terms(question)
    words = [word for word in _WORD.findall(before) if (new := terms(word)) and not new <= had]
    return f"{question} ({' '.join(words)})" if words else question
