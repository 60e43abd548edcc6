"""Stop strings in streamed text."""

from __future__ import annotations


class StopFilter:
    """Lets text through up to the first stop string, wherever pieces of text happen to be cut.

    Text that may be the beginning of a stop string is held back until it is clear that it isn't.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = tuple(filter(None, stops))
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """Take a piece; give what is safe to show. After a stop string `stopped` is true, nothing comes."""
        if self.stopped:
            return ""
        text = self._held + text
        # The stop string that is complete first wins, so that the result doesn't depend on the cuts.
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)[1]]
        held = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def rest(self) -> str:
        """What was held back, once no more text will come."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that is a beginning of `stop`, short of all of it."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
