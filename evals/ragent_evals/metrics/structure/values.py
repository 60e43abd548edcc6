"""The value that a case came to."""

from __future__ import annotations

import json
from typing import Any

from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Kind

KINDS: tuple[Kind, ...] = ("schema",)


def value_of(outcome: Outcome) -> Any:
    """What was written under the schema, if need be from its text. Raises ValueError for what is no JSON."""
    return json.loads(outcome.text) if outcome.value is None else outcome.value
