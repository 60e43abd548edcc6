"""What answers are judged by: a prompt each, and what its verdicts are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ragent.errors import ConfigError
from ragent.prompts import load_prompt
from ragent.protocols import LLM
from ragent_evals.judging.judge import Judge, Memory

_YES_NO = {"Yes": 1.0, "No": 0.0}
_FIVE = {"1": 0.0, "2": 0.25, "3": 0.5, "4": 0.75, "5": 1.0}
_YES = ("true", "1", "1.0")
_NO = ("false", "0", "0.0")


@dataclass(frozen=True, slots=True)
class Criterion:
    """A way to judge an answer.

    Attributes:
        name: on the command line.
        prompt: the template's name; a version in HOME/prompts wins.
        verdicts: what may be said, with what it is worth, 0 to 1, worst or best first.
        needs: what it reads beside question and answer: "reference" or "passages".
    """

    name: str
    prompt: str
    verdicts: Mapping[str, float]
    needs: str = ""

    @property
    def is_graded(self) -> bool:
        """Whether there are more than two verdicts."""
        return len(self.verdicts) > 2

    def open(
        self, llm: LLM, *, prompts: Path | None = None, memory: Memory | None = None, identity: str = ""
    ) -> Judge:
        """A judge by this criterion; `prompts` is HOME/prompts. Raises ConfigError for a broken prompt."""
        template = load_prompt(self.prompt, prompts)
        return Judge(llm, template, self.verdicts, memory=memory, identity=identity)

    def verdict_of(self, label: object) -> str:
        """The verdict that a person's label stands for. Raises ValueError if it stands for none."""
        said = str(label).strip().lower()
        for verdict in self.verdicts:
            if said == verdict.lower():
                return verdict
        if not self.is_graded and said in (*_YES, *_NO):
            return "Yes" if said in _YES else "No"
        raise ValueError(f"{label!r} is none of {', '.join(self.verdicts)}")


CRITERIA = {
    one.name: one
    for one in (
        Criterion("correct", "judge-correct", _YES_NO, "reference"),
        Criterion("faithful", "judge-faithful", _YES_NO, "passages"),
        Criterion("helpful", "judge-helpful", _FIVE),
    )
}


def find_criterion(name: str) -> Criterion:
    """The criterion of that name. Raises ConfigError if there is none."""
    if name not in CRITERIA:
        raise ConfigError(f"there is no criterion {name!r}", hint=f"known: {', '.join(CRITERIA)}")
    return CRITERIA[name]
