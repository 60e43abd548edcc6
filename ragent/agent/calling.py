"""Carries calls out: asks a person where the policy says so, runs tools, and makes all of it observations."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from ragent.agent.plain import cut, plain_text
from ragent.agent.policy import Approve, Policy
from ragent.agent.run import Call, Observation
from ragent.agent.scope import Scope, entered
from ragent.errors import ToolError
from ragent.trace import carried, execute_tool
from ragent.types import Tool

_THREADS = 4
_LONGEST_ERROR = 1000


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes calls.

    Attributes:
        tools: by name.
        policy: says when a person must agree.
        approve: asks them; None: nobody is there.
        observation_chars: the most of what a tool gave that is kept.
    """

    tools: Mapping[str, Tool]
    policy: Policy
    approve: Approve | None
    observation_chars: int

    def refusal(self, call: Call, tainted: bool) -> Observation | None:
        """What is observed instead of a call that somebody had to agree to, and nobody did."""
        why = self.policy(self.tools[call.tool], call, tainted)
        if not why or self.agreed(call, why):
            return None
        return Observation(f"Not done: {why}, and nobody agreed to it. Do without it.", "refused")

    def agreed(self, call: Call, why: str) -> bool:
        """Whether a person agrees to a call. Nobody there, or an asker that fails, is no agreement."""
        if self.approve is None:
            return False
        try:
            return self.approve(call, why) is True
        except Exception:  # whatever a callback raises, it didn't agree
            return False

    def make(self, calls: Sequence[Call], scope: Scope) -> tuple[Observation, ...]:
        """What comes of the calls, in their order. Several are made beside each other."""
        if len(calls) < 2:
            return tuple(self._make(call, scope) for call in calls)
        with ThreadPoolExecutor(min(_THREADS, len(calls))) as pool:
            return tuple(pool.map(carried(partial(self._make, scope=scope)), calls))

    def _make(self, call: Call, scope: Scope) -> Observation:
        began = time.perf_counter()
        with entered(scope), execute_tool(call.tool, call.arguments) as span:
            try:
                result = self.tools[call.tool].run(call.arguments)
                text, tainted, kind = result.text, result.tainted, "result"
            except ToolError as error:
                text, tainted, kind = cut(f"Error: {error}", _LONGEST_ERROR)[0], error.tainted, "error"
            # A tool is anybody's code, and its failure the model's to deal with: sys.exit() in it, too.
            except (Exception, SystemExit) as error:
                text = cut(f"Error: the tool failed: {type(error).__name__}: {error}", _LONGEST_ERROR)[0]
                tainted, kind = True, "error"
            span.text("result", text)
            span.set({"ragent.tainted": tainted, "ragent.kind": kind})
        shown, left_out = cut(plain_text(str(text)), self.observation_chars)
        seconds = time.perf_counter() - began
        return Observation(shown, "error" if kind == "error" else "result", tainted, left_out, seconds)
