"""What tests of judges need: a model whose likelihoods are a function of what it read, and kept runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ragent.protocols import Constraint
from ragent.store import Store
from ragent.store.evals import add_eval_run, add_outcomes
from ragent.types import Delta, Message, Sampling
from ragent_evals.outcome import Found, Outcome
from ragent_evals.running.records import case_json, outcome_json
from ragent_evals.sets.case import Case

Think = Callable[[str, str], float]
"""ln p of a continuation (second) after the last message (first)."""


@dataclass
class Thinker:
    """Scores by `think`; writes what `says` says of the last message."""

    think: Think = lambda _prompt, _text: 0.0
    says: Callable[[str], str] = lambda _prompt: ""
    name: str = "thinker"
    context_tokens: int = 1000
    scoring_tokens: int = 1000
    read: list[str] = field(default_factory=list)

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        raise AssertionError("a judge has no use for offsets")

    def log_likelihoods(
        self, messages: Sequence[Message], continuations: Sequence[str], begun: str = ""
    ) -> list[float]:
        self.read.append(messages[-1].content)
        return [self.think(messages[-1].content, text) for text in continuations]

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> Iterator[Delta]:
        self.read.append(messages[-1].content)
        yield Delta(self.says(messages[-1].content), "stop")


def keep_run(
    store: Store,
    run_id: str,
    name: str,
    texts: Mapping[str, str],
    *,
    version: str = "v1",
    found: Sequence[Found] = (),
) -> None:
    """Keep a run as the runner does: an answer a case, by its id."""
    values = {
        "id": run_id,
        "name": name,
        "set_name": "tiny",
        "split": "",
        "version": version,
        "corpus": "",
        "collection": "default",
        "configuration": {},
        "cases": len(texts),
        "metrics": {},
        "seconds": 1.0,
    }
    rows = []
    for number, (id_, text) in enumerate(texts.items()):
        case = Case(id_, "answer", f"What about {id_}?", (f"right {id_}",))
        outcome = Outcome(id_, text, found=tuple(found))
        row = {"run_id": run_id, "case_id": id_, "number": number, "key": f"{run_id} {id_}", "values": {}}
        rows.append({**row, "case": case_json(case), "outcome": outcome_json(outcome)})
    with store.writing() as connection:
        add_eval_run(connection, values)
        add_outcomes(connection, rows)
