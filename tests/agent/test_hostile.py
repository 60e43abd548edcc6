"""Models that do their worst: every run ends within its limits with a reason, and nothing is raised."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from ragent.agent import Agent, Limits, SavedRuns, tool
from ragent.store import Store
from ragent.types import Message
from tests.agent.scripted import Scripted, answer, call, calls
from tests.agent.test_loop import add, mood, read, sender

WEIRD = [
    "\x00",
    "\ud800",
    "\udfff\ud800",
    "\u202e",
    "🏴‍☠️" * 50,
    "<|im_end|>",
    "\\",
    '"',
    "\u2028",
    "a\u0301" * 100,
]


@tool
def echo(text: str) -> str:
    """Say it again."""
    return text


@tool
def break_down(how: str) -> str:
    """Break down."""
    raise {"a": ValueError, "b": KeyError, "c": RecursionError}.get(how, OSError)(how)


class Hostile:
    """Says something else that is bad each time, or the same again."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.said = ""

    def __call__(self, _: Sequence[Message]) -> str:
        if not self.said or self.chance.random() < 0.7:
            self.said = self.chance.choice(self.ways)()
        return self.said

    @property
    def ways(self) -> list[object]:
        pick = self.chance.choice
        weird = "".join(pick(WEIRD) for _ in range(5))
        return [
            lambda: call("add", weird, a=self.chance.randint(-9, 9), b=2**70),
            lambda: call("add", a="1", b=None),
            lambda: call("echo", text=weird * pick([1, 1000])),
            lambda: call("echo", "x" * 100_000, text="thought"),
            lambda: call("break_down", how=pick("abcd")),
            lambda: call(weird, x=1),
            lambda: call("mood", of=pick(["sea", "sky", "sun"]), loud=pick([True, 1, "yes"])),
            lambda: call("read", name=weird),
            lambda: call("send", text=weird),
            lambda: calls(*[("add", {"a": n, "b": n}) for n in range(pick([2, 4, 500]))]),
            lambda: calls(("send", {"text": "x"}), ("read", {"name": "y"})),
            lambda: answer({"not": "text"}),
            lambda: answer([weird] * 1000),
            lambda: json.dumps({"thought": weird}),
            lambda: weird,
            lambda: "{" * pick([1, 50_000]),
            lambda: json.dumps(
                {"thought": "", "action": {"tool": "add", "arguments": {"a": float("nan"), "b": 1}}}
            ),
            lambda: '{"thought": "", "action": ' + "[" * 3000 + "]" * 3000 + "}",
            lambda: '{"thought": "", "action": {"tool": "add", "arguments": {"a": ' + "9" * 10_000 + "}}}",
        ]


def run_hostile(seed: int, runs: SavedRuns | None = None) -> str:
    """How a run ended; raises AssertionError where it went beyond a limit."""
    chance = random.Random(seed)
    limits = Limits(
        steps=chance.choice([1, 3, 12, None]),
        tokens=chance.choice([2000, 20_000]),
        seconds=chance.choice([0.5, 5, None]),
        idle_steps=chance.choice([2, 5]),
    )
    sent: list[str] = []
    model = Scripted([Hostile(seed)], context_tokens=chance.choice([450, 4000]))
    tools = [add, mood, read, echo, break_down, sender(sent)]
    run = Agent(model, tools, limits=limits, runs=runs).run("Do it.", tainted=True)
    assert run.stop_reason
    assert sent == []
    assert limits.steps is None or len(run.steps) <= limits.steps
    assert json.dumps([step.thought for step in run.steps], ensure_ascii=False).encode()
    if runs:
        assert runs.load(run.id) == run
    return run.stop_reason


@pytest.mark.parametrize(
    "seeds", [range(at, at + 20) for at in range(0, 100, 20)], ids=lambda seeds: seeds.start
)
def test_every_run_ends_with_a_reason(seeds: range, tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        ended = {run_hostile(seed, SavedRuns(store)) for seed in seeds}
    assert ended <= {"answer", "steps", "tokens", "seconds", "no_progress", "error"}
    assert len(ended) > 1
