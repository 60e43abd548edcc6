"""When the server is to end, and how long answers that are being written still have."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Ending:
    """Asked by all that takes long.

    Attributes:
        has_begun: whether the server takes no new connections any more.
        seconds: how long what was begun may still take.
    """

    has_begun: Callable[[], bool] = lambda: False
    seconds: float = 30.0
    _since: float | None = field(default=None, init=False)

    @property
    def is_due(self) -> bool:
        """Whether what was begun has to end now."""
        if not self.has_begun():
            return False
        if self._since is None:
            self._since = time.monotonic()
        return time.monotonic() - self._since >= self.seconds
