"""Which of two answers a judge likes better, asked in both orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ragent.prompts import PromptTemplate, load_prompt
from ragent.protocols import LLM
from ragent_evals.judging.judge import By, Judge, Memory

Winner = Literal["left", "right", "tie"]

BETTER = "A good answer is right, answers the question that was asked, and says no more than that needs."


@dataclass(frozen=True, slots=True)
class Preference:
    """What a judge thinks of two answers.

    Attributes:
        left: how sure it is that the left one is better: the mean over both orders.
        bias: by how much it favours the answer that it reads first, whichever that is: -0.5 to 0.5.
        flipped: whether the order decided.
        by: see `Verdict`.
    """

    left: float
    bias: float
    flipped: bool
    by: By

    @property
    def margin(self) -> float:
        """How far it is from not caring: 0 to 1; 0 where the order decided."""
        return 0.0 if self.flipped else abs(2 * self.left - 1)

    def winner(self, least_margin: float = 0.0) -> Winner:
        """Which one is better; "tie" where the order decided, or the margin isn't above `least_margin`."""
        if self.margin <= least_margin:
            return "tie"
        return "left" if self.left > 0.5 else "right"


class PairJudge:
    """Compares answers by a principle. Both orders are read, as judges lean to a place (arXiv:2306.05685)."""

    def __init__(
        self,
        llm: LLM,
        *,
        principle: str = BETTER,
        template: PromptTemplate | None = None,
        memory: Memory | None = None,
        identity: str = "",
    ) -> None:
        """See `Judge`; the template has `question`, `first`, `second` and `principle`."""
        asked = template or load_prompt("judge-pair")
        fixed = {"principle": principle}
        verdicts = {"A": 1.0, "B": 0.0}
        self._judge = Judge(llm, asked, verdicts, fixed=fixed, memory=memory, identity=identity)

    @property
    def judge(self) -> Judge:
        """Who reads one order."""
        return self._judge

    def prefer(self, question: str, left: str, right: str) -> Preference:
        """Compare two answers. Raises as `Judge.judge` does."""
        ahead = self._judge.judge(question=question, first=left, second=right)
        behind = self._judge.judge(question=question, first=right, second=left)
        return Preference(
            left=(ahead.score + 1 - behind.score) / 2,
            bias=(ahead.score + behind.score - 1) / 2,
            flipped=(ahead.score > 0.5) != (behind.score < 0.5),
            by=ahead.by,
        )


def position_bias(preferences: Sequence[Preference]) -> float:
    """The mean of their biases: 0.5 is a judge that always likes what it reads first. 0 without any."""
    return sum(one.bias for one in preferences) / len(preferences) if preferences else 0.0
