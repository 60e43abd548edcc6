"""Work in a thread of its own, so that a page that is drawn or loaded anew finds it where it was."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ragent.errors import RagentError

_LOG = logging.getLogger(__name__)


class Background:
    """Something in hand, begun at once. Any thread may look at it, and stop it; `error` is what ended it."""

    def __init__(self, name: str, work: Callable[[threading.Event], None]) -> None:
        self.error: RagentError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,), name=f"ragent-{name}", daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[threading.Event], None]) -> None:
        try:
            work(self._stop)
        except RagentError as error:
            self.error = error
        except Exception as error:
            _LOG.exception("%s", self._thread.name)
            self.error = RagentError(f"{type(error).__name__}: {error}")

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Have it end as soon as it can."""
        self._stop.set()
