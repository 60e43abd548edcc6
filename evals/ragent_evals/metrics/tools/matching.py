"""Whether calls are the expected ones, in any order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragent_evals.agents.calls import problem_of_call
from ragent_evals.sets.case import Case, Kind

KINDS: tuple[Kind, ...] = ("tools",)
Call = Mapping[str, Any]


def is_call(case: Case, call: Call, expected: Call) -> bool:
    """Whether a call, {"name", "arguments"}, is one expected in the leaderboard's layout."""
    name, arguments = str(call.get("name")), call.get("arguments", {})
    function = next((each for each in case.functions if each["name"] == name), None)
    if function is None or name not in expected or not isinstance(arguments, Mapping):
        return False
    return not problem_of_call(function, arguments, expected[name])
