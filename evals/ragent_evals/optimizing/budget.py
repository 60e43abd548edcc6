"""How much a search may spend: so many asks, or so many seconds of the processor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ragent.errors import EvalError

_SAID = re.compile(r"\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>|asks?|s|sec|m|min|minutes?|h|hours?)\s*")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(slots=True)
class Budget:
    """What may be spent, and what was. Asks are counted exactly; the last one may end after its time.

    An ask that an earlier run made costs what it cost then: a search that goes on after a kill makes the same
    choices as one that was never stopped, only sooner.
    """

    limit: float
    unit: Literal["asks", "seconds"] = "asks"
    spent: float = 0.0
    asks: int = 0
    pace: float = 0.0
    """What an ask takes, as far as is known from this budget or from the one that it is part of."""

    def charge(self, seconds: float) -> None:
        """Note an ask that took so long."""
        self.asks += 1
        self.spent += 1.0 if self.unit == "asks" else seconds
        self.pace = self.spent / self.asks

    def affords(self, asks: int, until: float | None = None) -> bool:
        """Whether so many more asks keep below the limit, or below `until`, at what one took so far."""
        each = 1.0 if self.unit == "asks" else self.pace
        return self.spent + asks * each <= min(self.limit, self.limit if until is None else until)

    def share(self, of: int) -> float:
        """Up to where to spend, to spend the same in each of so many parts that are left."""
        return self.spent + (self.limit - self.spent) / of

    def part(self, share: float) -> Budget:
        """A budget of its own of a share of what is left; see `take`."""
        return Budget((self.limit - self.spent) * share, self.unit, pace=self.pace)

    def take(self, part: Budget) -> None:
        """Note what a part of it was spent on."""
        self.spent += part.spent
        self.asks += part.asks
        self.pace = self.spent / self.asks if self.asks else part.pace


def parse_budget(text: str) -> Budget:
    """A budget as people write it: "400" or "400 asks", "30 min", "2h". Raises EvalError."""
    found = _SAID.fullmatch(text)
    if not found or not float(found["number"]):
        raise EvalError(
            f"{text!r} is no budget", hint='so many questions asked, as "400", or a time: "30 min"'
        )
    number, unit = float(found["number"]), found["unit"][:1]
    return Budget(number) if unit in ("", "a") else Budget(number * _SECONDS[unit], "seconds")
