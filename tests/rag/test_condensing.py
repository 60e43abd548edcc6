"""Questions of a conversation, with scripted models: whatever they write, only what is usable is taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from ragent.errors import LLMError
from ragent.prompts import load_prompt
from ragent.protocols import Constraint
from ragent.rag.condensing import Condensed, condense, stands_alone
from ragent.types import Answer, Delta, Dropped, Message, Sampling, Timings, Usage

HISTORY = (
    Message("user", "How much does the harbour crane lift?"),
    Message("assistant", "It lifts 40 tonnes."),
)
ASKED = "Who built it?"
PLAIN = "Who built it? (harbour crane lift)"


@dataclass
class Script:
    """Writes what it is told to."""

    says: str
    context_tokens: int = 2048
    name: str = "script"
    heard: list[tuple[Message, ...]] = field(default_factory=list)

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> Iterator[Delta]:
        self.heard.append(tuple(messages))
        if self.says == "!":
            raise LLMError("the engine failed")
        yield Delta(self.says)
        yield Delta("", "stop", Usage(20, 5, 3))


def condensed(model: Script | None, question: str = ASKED) -> Condensed:
    return condense(question, HISTORY, model, load_prompt("condense-question"))


@pytest.mark.parametrize("says", ["Who built the harbour crane?", '\n"Who built the harbour crane?"\nIt was'])
def test_a_usable_question_is_taken(says: str) -> None:
    model = Script(says)
    found = condensed(model)
    assert (found.asked, found.question) == (ASKED, "Who built the harbour crane?")
    assert found.usage == Usage(20, 5, 3)
    assert [used.name for used in found.prompts] == ["condense-question"]
    said = model.heard[0][-1].content
    assert said.index("harbour crane") < said.index("40 tonnes") < said.index(ASKED)


@pytest.mark.parametrize(
    "says",
    [
        "",
        "  \n ",
        "?!",
        "The question is:",
        "How much does the harbour crane lift?",
        "Halvorsen Brothers of Bergen, in Norway.",
        "Who built the crane in 1962?",
        "Who painted Mona Lisa and built Versailles palace?",
        "Who built the crane? " * 20,
    ],
)
def test_what_is_no_such_question_gives_way_to_the_words_before(says: str) -> None:
    assert condensed(Script(says)).question == PLAIN


def test_without_a_model_the_words_before_are_added() -> None:
    assert condensed(None) == Condensed(ASKED, PLAIN)
    assert condensed(None, "Who built the crane?").question == "Who built the crane? (harbour lift)"
    assert condensed(None, "").question.startswith(" (")
    alone = condense(ASKED, HISTORY[1:], None, load_prompt("condense-question"))
    assert alone.question == ASKED


def test_an_error_of_the_model_reaches_the_caller() -> None:
    with pytest.raises(LLMError, match="the engine failed"):
        condensed(Script("!"))


def test_old_turns_give_way_first_and_are_listed() -> None:
    model = Script("Who built the harbour crane?", context_tokens=64 + 40)
    found = condensed(model)
    assert found.dropped == (Dropped("turn", HISTORY[0].content, "the prompt was full"),)
    assert "40 tonnes" in model.heard[0][-1].content
    assert condensed(Script("", context_tokens=64 + 10)) == Condensed(ASKED, PLAIN)


def test_an_answer_tells_what_was_asked_and_how_it_was_understood() -> None:
    answer = Answer("Who built the harbour crane?", "X", True, (), (), Usage(1, 2, 3), Timings(0.5, 1.0, 2.0))
    noted = Condensed(ASKED, answer.question, Usage(10, 20, 30), seconds=4.0).noted(answer)
    assert (noted.question, noted.understood) == (ASKED, answer.question)
    assert noted.usage == Usage(11, 22, 33)
    assert noted.timings == Timings(0.5, 5.0, 6.0)


@pytest.mark.parametrize(
    ("question", "alone"),
    [
        ("Why is grit spread on the ramp in winter rather than salt?", True),
        ("Which channel does the pilot boat use?", True),
        ("And which channel does the pilot boat use?", False),
        ("Why is it spread on the ramp in winter?", False),
        ("When did Sweden join?", False),
        ("How long is that ferry's gangway ramp?", False),
        ("Warum wird im Winter Splitt auf die Rampe gestreut?", False),
    ],
)
def test_a_question_that_refers_to_nothing_is_known(question: str, alone: bool) -> None:
    assert stands_alone(question) is alone


def test_what_refers_to_nothing_is_searched_for_as_it_is() -> None:
    asked = "Why is grit spread on the ramp in winter rather than salt?"
    llm = Script("Why is salt spread on the football?")
    assert condense(asked, HISTORY, llm, load_prompt("condense-question")) == Condensed(asked, asked)
    assert llm.heard == []
